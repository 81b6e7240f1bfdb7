"""Definitions of workflows, zipped."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def archive(text: str = "version 1.0\nworkflow cohort {}", *, name: str = "main.wdl", year: int = 2020) -> bytes:
    """Return an archive of one file."""
    return zipped({name: text}, year=year)


def zipped(files: Mapping[str, str | bytes], *, year: int = 2020) -> bytes:
    """Return an archive of some files."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return body.getvalue()
