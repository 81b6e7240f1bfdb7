"""What counts of a value in a cache key, and how files travel between runs."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from WDL import Env, Tree, Value, values_from_json, values_to_json
from WDL.runtime.cache import CallCache
from WDL.runtime.error import OutputError

from airflow_provider_omics.emulator.outputs import FILE
from airflow_provider_omics.emulator.wdl.pipe import Emulator

Values = Env.Bindings[Value.Base]


class Contents:
    """The files of one run.

    :param emulator: which has the emulated S3.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._lock = threading.Lock()
        self._localized: dict[str, str] = {}
        self._etags: dict[str, str] = {}

    def localize(self, uri: str, *, directory: bool = False) -> str:
        """Return the path of a copy of an S3 object, or of all below a prefix.

        If there is none, there is no answer: the emulator fails the run, and ends this process.
        """
        with self._lock:
            if uri not in self._localized:
                answer = self._emulator.ask("localize", uri=uri, directory=directory)
                self._localized[uri] = answer["path"]
                self._etags |= answer["etags"]
            return self._localized[uri]

    def key_of(self, inputs: Values) -> dict[str, Any]:
        """Return inputs as JSON in which a file stands by its ETag."""
        return values_to_json(Value.rewrite_env_paths(inputs, self._content))

    def _content(self, value: Value.File | Value.Directory) -> str:
        """Return what stands for a file; what is not there makes the task fail, later and with a better message."""
        try:
            return self._etags_of(value)
        except FileNotFoundError:
            return "missing"

    def _etags_of(self, value: Value.File | Value.Directory) -> str:
        directory = isinstance(value, Value.Directory)
        path = self.localize(value.value, directory=directory) if "://" in value.value else value.value
        if not directory:
            return f"etag:{self._etag(path)}"
        found = dict(tree(path))
        parents = {os.path.dirname(each) for each in found}
        leaves = [(each, is_folder) for each, is_folder in sorted(found.items()) if each not in parents]
        within = [(os.path.relpath(leaf, path), "" if is_folder else self._etag(leaf)) for leaf, is_folder in leaves]
        return f"etags:{hashlib.md5(json.dumps(within).encode(), usedforsecurity=False).hexdigest()}"

    def _etag(self, path: str) -> str:
        """Return the ETag that S3 gave for a file, or for one that a task has written the MD5: what S3 would give."""
        known = self._etags.get(path)
        if known is None:
            with open(path, "rb") as file:
                known = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            self._etags[path] = known
        return known


class NoCallCache(CallCache):
    """In place of miniwdl's own cache, which goes by paths and times, and would also keep whole workflows."""

    contents: Contents

    def get(self, key: str, inputs: Values, output_types: Any) -> Values | None:
        """Know nothing: tasks are looked up before miniwdl does."""
        return None

    def put(self, key: str, outputs: Values, run_dir: str | None = None, **rest: Any) -> None:
        """Keep nothing: the emulator keeps what completed tasks have told."""

    def get_download(self, uri: str, directory: bool = False, logger: Any = None) -> str | None:
        """Return the local copy of what lies in S3."""
        return self.contents.localize(uri, directory=directory) if uri.startswith("s3://") else None

    def flock(self, filename: str, *rest: Any, **options: Any) -> None:
        """Lock nothing: nobody else knows the run's folder."""


def told(outputs: Values, root: str, namespace: str = "") -> dict[str, Any]:
    """Return outputs as a message: values, and the modes of the files and folders below a root which they name.

    :raises OutputError: if there is what S3 cannot hold.
    """
    modes: dict[str, int] = {}

    def below(value: Value.File | Value.Directory) -> str:
        path = value.value.rstrip("/")
        found = [each for each, _ in tree(path)] if isinstance(value, Value.Directory) else [path]
        modes.update((os.path.relpath(each, root), _mode(each, root)) for each in found)
        return FILE + os.path.relpath(path, root)

    values = values_to_json(Value.rewrite_env_paths(outputs, below), namespace)
    return {"values": values, "modes": dict(sorted(modes.items())), "root": root}


def _mode(path: str, root: str) -> int:
    name = os.path.relpath(path, root)
    printed = name.encode(errors="backslashreplace").decode()
    if printed != name:
        raise OutputError(f"The name of the output {printed} is not UTF-8, as the key of an S3 object must be.")
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OutputError(f"The output {name} is a pipe, a socket or a device; only files and folders can be exported.")
    return mode


def restored(values: Mapping[str, Any], root: str, task: Tree.Task) -> Values:
    """Return outputs of a task as they were told, now that its files lie below another root."""

    def below(value: Value.File | Value.Directory) -> str:
        return os.path.join(root, value.value.removeprefix(FILE))

    return Value.rewrite_env_paths(values_from_json(dict(values), task.effective_outputs), below)


def tree(folder: str) -> Iterator[tuple[str, bool]]:
    """Yield a folder, and every file and folder below it, each with whether it is a folder.

    A link to a folder counts as that folder, as where miniwdl copies inputs, unless it leads round in a circle.

    :raises OutputError: if such a link leads out; miniwdl itself refuses links to files that do.
    """
    folder = folder.rstrip("/")
    root = os.path.realpath(folder)
    waiting: list[tuple[str, tuple[str, ...]]] = [(folder, ())]
    while waiting:
        place, above = waiting.pop()
        here = os.path.realpath(place)
        if os.path.commonpath([root, here]) != root:
            name = os.path.relpath(place, os.path.dirname(folder))
            raise OutputError(f"The output {name!r} links out of its own folder.")
        if here in above:
            continue
        yield place, True
        for entry in os.scandir(place):
            if entry.is_dir():
                waiting.append((entry.path, (*above, here)))
            else:
                yield entry.path, False
