"""From the course's secret to the inputs that a student's hidden tests draw."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from grading.errors import CourseError


def secret(path: Path) -> bytes:
    """The course's secret, made on first use and readable to its owner alone."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        # A link fails where another process was first, so that no secret ever replaces one in use.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    found = path.read_bytes()
    if len(found) < 32:
        raise CourseError(f"{path} is damaged: put back your copy of it, or all hidden inputs will change.")
    return found


def seed(secret: bytes, assignment: str, student: str) -> int:
    """The seed of a student's inputs, in 0, …, 2^63 - 1: the same on a regrade, and not to be guessed."""
    # The lengths keep ("ab", "c") and ("a", "bc") apart.
    message = b"".join(len(part).to_bytes(8) + part for part in (assignment.encode(), student.encode()))
    return int.from_bytes(hmac.digest(secret, message, hashlib.sha256)[:8]) >> 1
