"""What a task or a run has computed: values, and files in a tree of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "\0file://"
"""Before a path below the tree's root, in values: so is a file told from a string, which begins with no NUL."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of a task or a run.

    :param values: the values by the name of the output, as JSON; a file or folder is ``FILE`` and its path.
    :param files: every file by its path: the content, or where it lies on disk.
    :param modes: the ``st_mode`` of what lay on disk, folders included, by its path.
    """

    values: Mapping[str, Any]
    files: Mapping[str, bytes | Path]
    modes: Mapping[str, int] = field(default_factory=dict)

    def content(self, path: str) -> bytes:
        """Return the content of a file.

        :raises OSError: if it is there no more, or is something else by now: to read from a pipe could take for ever.
        """
        file = self.files[path]
        if isinstance(file, bytes):
            return file
        if not file.is_file():
            raise FileNotFoundError(f"{path} is no file any more")
        return file.read_bytes()

    def located(self, root: str) -> Any:
        """Return the values with the locations of the files once the tree lies below a root."""
        return replaced(self.values, lambda path: f"{root}/{path}")

    def plain(self) -> dict[str, Any]:
        """Return the values of the outputs that have no file, as readers of JSON take them."""
        values = finite(self.values)
        return {name: value for name, value in values.items() if replaced(value, lambda _: "") == value}


def replaced(value: Any, place: Callable[[str], str]) -> Any:
    """Return JSON in which each file stands as a function of its path says."""
    if isinstance(value, str):
        return place(value.removeprefix(FILE)) if value.startswith(FILE) else value
    if isinstance(value, Mapping):
        return {replaced(name, place): replaced(item, place) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, place) for item in value]
    return value


def finite(value: Any) -> Any:
    """Return JSON in which null stands for NaN and infinity: Python writes them, but readers of JSON refuse them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value
