"""From a reader's own table to a number that may be believed, or a refusal with its reason. All values are in nats."""

from mibook.practice.analysis import estimate
from mibook.practice.drawing import Report
from mibook.practice.findings import Finding, Reason
from mibook.practice.table import TableError

__all__ = ["Finding", "Reason", "Report", "TableError", "estimate"]
