"""Files of the worker."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from airflow_provider_omics.limits import TooLarge


def read(path: Path, limit: int) -> bytes:
    """Return the content of a file, read no further than a limit.

    :param limit: the bytes that it may have: one of :mod:`airflow_provider_omics.limits`
    :raises TooLarge: if it has more
    :raises OSError: if it is not there, may not be read, or is no file: a pipe or a device may have no end
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "It is not a file", str(path))
        content = file.read(limit + 1)
    if len(content) > limit:
        raise TooLarge(limit)
    return content


def _without_waiting(path: str, flags: int) -> int:
    """Open what may be a pipe, which otherwise waits for somebody to write into it."""
    return os.open(path, flags | os.O_NONBLOCK)
