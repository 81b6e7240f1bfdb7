"""A workflow's definition: its source files, and which of them is the main one.

https://docs.aws.amazon.com/omics/latest/dev/workflow-defn-requirements.html
"""

from __future__ import annotations

import unicodedata
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from airflow_provider_omics.emulator.errors import ServiceQuotaExceededException

ENDINGS = {"WDL": ".wdl", "WDL_LENIENT": ".wdl", "NEXTFLOW": ".nf", "CWL": ".cwl"}
"""The ending of an engine's files."""
MOST_KEPT = 512 * 1024**2
"""How many bytes of definitions are kept in memory, over all workflows; an archive of 347 kB may hold 255 MB."""
_FILE = 200
"""About how many bytes a file takes besides its path and its content."""


class DefinitionError(ValueError):
    """Say why a workflow cannot be made of a definition; its text becomes the workflow's ``statusMessage``."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, eq=False)
class Definition:
    """The files of a workflow as its archive holds them.

    :param files: the contents by their relative POSIX paths.
    :param main: the path of the main file; always one of ``files``.
    """

    files: Mapping[str, bytes]
    main: str

    @cached_property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return sum(len(path) + len(content) + _FILE for path, content in self.files.items())


class Kept:
    """The definitions that something refers to: a workflow, a version, or a run that has not begun."""

    def __init__(self) -> None:
        self._definitions: weakref.WeakSet[Definition] = weakref.WeakSet()

    def add(self, definition: Definition) -> None:
        """Take in a definition.

        :raises ServiceQuotaExceededException: if all of them together become too large.
        """
        kept = sum(each.size for each in self._definitions)
        if kept + definition.size > MOST_KEPT:
            raise ServiceQuotaExceededException(
                f"The definition unpacks to {definition.size} bytes, and those of the other workflows to {kept}; the "
                f"emulator keeps {MOST_KEPT} bytes in all: delete workflows."
            )
        self._definitions.add(definition)


def engine_of(main: str) -> str:
    """Return the engine of a main file by its ending; AWS does not say how it tells them apart."""
    return next((engine for engine, ending in ENDINGS.items() if main.endswith(ending)), "WDL")


def main_of(files: Mapping[str, bytes], main: str | None, engine: str | None) -> str:
    """Return the path of the main file.

    "A main location of the workflow is optional if your ZIP archive contains either a single workflow definition or a
    file named 'main'"; in which folder that file may stand is not said: anywhere, is the assumption.

    :param main: the path that the request names, if it does.
    :param engine: the engine that the request names, if it does.
    :raises DefinitionError: unless exactly one file can be meant.
    """
    if main is not None:
        if str(PurePosixPath(main)) not in files:
            raise DefinitionError(
                f"The archive has no file {main}, which is to be the main one; it has {_some(files)}."
            )
        return str(PurePosixPath(main))
    endings = {ENDINGS[engine]} if engine else set(ENDINGS.values())
    sources = [path for path in files if PurePosixPath(path).suffix in endings]
    named = [path for path in sources if PurePosixPath(path).stem == "main"]
    for found in (sources, named):
        if len(found) == 1:
            return found[0]
    if not sources:
        raise DefinitionError(f"The archive has no {' or '.join(sorted(endings))} file; it has {_some(files)}.")
    raise DefinitionError(f"Exactly one main file is needed. Say with main which one it is of {_some(sources)}.")


def _some(paths: Mapping[str, bytes] | list[str], most: int = 10) -> str:
    named = sorted(paths)
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more if named else "none at all"


def printable(text: str) -> str:
    """Return a text without the control characters that the model's patterns forbid."""
    return "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)
