"""What a task or a run has computed: values, and files in a tree of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "emulator-file://"
"""Before a path below the tree's root, in values: so is a file told from a string."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of a task or a run.

    :param values: the values by the name of the output, as JSON; a file or folder is ``FILE`` and its path.
    :param files: every file by its path: the content, or where it lies on disk.
    """

    values: Mapping[str, Any]
    files: Mapping[str, bytes | Path]

    def content(self, path: str) -> bytes:
        """Return the content of a file."""
        file = self.files[path]
        return file if isinstance(file, bytes) else file.read_bytes()

    def located(self, root: str) -> Any:
        """Return the values with the locations of the files once the tree lies below a root."""
        return replaced(self.values, lambda path: f"{root}/{path}")

    def plain(self) -> dict[str, Any]:
        """Return the values of the outputs that have no file."""
        return {name: value for name, value in self.values.items() if replaced(value, lambda _: "") == value}


def replaced(value: Any, place: Callable[[str], str]) -> Any:
    """Return JSON in which each file stands as a function of its path says."""
    if isinstance(value, str):
        return place(value.removeprefix(FILE)) if value.startswith(FILE) else value
    if isinstance(value, Mapping):
        return {name: replaced(item, place) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, place) for item in value]
    return value
