"""Why a disk refuses."""

from __future__ import annotations

import errno
import sqlite3

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def reason_of(error: Exception) -> str | None:
    """Return `disk_full`, `disk_read_only` or `disk_error`; None where it was not the disk."""
    if isinstance(error, OSError):
        if error.errno in FULL:
            return "disk_full"
        return "disk_read_only" if error.errno in READ_ONLY else "disk_error"
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return None
        known = {sqlite3.SQLITE_FULL: "disk_full", sqlite3.SQLITE_READONLY: "disk_read_only"}
        return known.get(code & 0xFF, "disk_error")
    return None
