"""Samples with known mutual information, practical estimators and plots for the book's chapters; `estimate` for tables.

Import the module you need (``from mibook.samples import running_example``): nothing but ``mibook.estimate`` is
re-exported here, and that only when it is asked for, so that the build can tell which chapter uses which module. All
information quantities are in nats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mibook.practice.analysis import estimate as estimate


def __getattr__(name: str) -> Any:
    if name == "estimate":
        from mibook.practice.analysis import estimate

        return estimate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
