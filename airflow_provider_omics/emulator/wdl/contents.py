"""What counts of a value in a cache key, and how files travel between runs."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from WDL import Env, Tree, Value, values_from_json, values_to_json
from WDL.runtime.cache import CallCache

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
        within = [(os.path.relpath(file, path), self._etag(file)) for file in sorted(files_below(path))]
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
    """Return outputs as a message: values, and the files below a root which they name."""
    files: list[str] = []

    def below(value: Value.File | Value.Directory) -> str:
        path = value.value.rstrip("/")
        found = files_below(path) if isinstance(value, Value.Directory) else [path]
        files.extend(os.path.relpath(file, root) for file in found)
        return FILE + os.path.relpath(path, root)

    values = values_to_json(Value.rewrite_env_paths(outputs, below), namespace)
    return {"values": values, "files": sorted(set(files)), "root": root}


def restored(values: Mapping[str, Any], root: str, task: Tree.Task) -> Values:
    """Return outputs of a task as they were told, now that its files lie below another root."""

    def below(value: Value.File | Value.Directory) -> str:
        return os.path.join(root, value.value.removeprefix(FILE))

    return Value.rewrite_env_paths(values_from_json(dict(values), task.effective_outputs), below)


def files_below(folder: str) -> Iterator[str]:
    """Yield every file below a folder."""
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)
