"""The engine ``wdl`` at one run: what its process tells becomes the run's tasks, logs and outputs."""

from __future__ import annotations

import itertools
import logging
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.emulator import manifest, s3
from airflow_provider_omics.emulator.cache_key import CacheKey, opted_out
from airflow_provider_omics.emulator.definition import Definition
from airflow_provider_omics.emulator.lifecycle import BROKEN, Course, image_digest
from airflow_provider_omics.emulator.outputs import Outputs
from airflow_provider_omics.emulator.records import CacheEntry, Run, RunTask
from airflow_provider_omics.emulator.store import Region
from airflow_provider_omics.emulator.wdl.slots import Place
from airflow_provider_omics.resources import RUN_TASK

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.wdl.engine import Child, Engine

log = logging.getLogger(__name__)

Message = Mapping[str, Any]


class WdlCourse(Course):
    """A run that executes its tasks.

    :param engine: starts the run's process, and says when there is room for a task.
    :param definition: what is executed.
    :param age: its place in the order in which the engine's runs were started.
    """

    # Short: the work takes its own time.
    pending = starting = stopping = 0.2

    def __init__(self, engine: Engine, region: Region, run: Run, definition: Definition, *, age: int) -> None:
        super().__init__(region, run)
        self._engine = engine
        self._definition: Definition | None = definition
        self._age = age
        self._child: Child
        self._started = False
        self._numbers = itertools.count()
        self._log: list[str] = []
        self._places: dict[str, Place] = {}
        self._result: Outputs
        self._hearers: dict[str, Callable[[Message], None]] = {
            "log": self._logged,
            "localize": self._localize,
            "task": self._submitted,
            "printed": self._printed,
            "completed": self._completed,
            "failed": self._failed,
            "done": self._done,
            "broken": self._broken,
            "gone": self._gone,
        }

    def begin(self) -> None:
        """Set the run on its way."""
        self._engine.enter(self)
        super().begin()

    def _execute(self) -> None:
        definition, self._definition = self._definition, None  # it lies in the run's folder from here on
        if definition is None:
            raise RuntimeError("a run is executed once")
        request = {
            "main": definition.main,
            "inputs": self._run.members.get("parameters", {}),
            "lenient": self._run.workflow.members.get("engine") == "WDL_LENIENT",
        }
        with self._failing_openly():
            self._child = self._engine.start(definition, request, self._hear)
            self._started = True

    def _hear(self, message: Message) -> None:
        if self._run.status == "RUNNING":
            with self._failing_openly():
                self._hearers[message["kind"]](message)

    @contextmanager
    def _failing_openly(self) -> Iterator[None]:
        """Fail the run, rather than leave it RUNNING for ever, where the emulator itself fails."""
        try:
            yield
        except Exception:
            log.exception("The emulator failed at run %s", self._id)
            self._stop("FAILED", "SERVICE_ERROR", BROKEN)

    def _halt(self) -> None:
        if self._started:
            self._child.end()
        self._engine.slots.leave(*self._places.values())
        self._places.clear()

    def _clear(self) -> None:
        try:
            manifest.write(self._region, self._run)
        finally:
            self._definition = None
            self._log.clear()
            if self._started:
                self._child.remove()
            self._engine.leave(self)

    def _engine_log(self) -> Iterable[str]:
        return self._log

    def _outputs(self) -> Outputs:
        return self._result

    def _outputs_of(self, task: RunTask) -> Outputs:
        return task.outputs or Outputs({}, {})

    def _answer(self, message: Message, **fields: Any) -> None:
        self._child.tell({"id": message["id"], **fields})

    def _logged(self, message: Message) -> None:
        self._log.append(message["line"])
        self._engine_says(message["line"], error=message["error"])

    def _localize(self, message: Message) -> None:
        """Copy an input from S3 into the run's folder, and tell its ETag."""
        uri, bucket_key = message["uri"], s3.split(message["uri"])
        etags = self._etags(*bucket_key, directory=message["directory"])
        if not etags:
            name = where(uri, self._run.members.get("parameters", {})) or "(a default of the workflow)"
            text = f"The input {name} could not be imported: there is no object {uri}."
            self._stop("FAILED", "INPUT_URI_NOT_FOUND", text)
            return
        bucket, key = bucket_key
        # Each in a folder of its own: two inputs may have the same name.
        folder = self._child.folder / "inputs" / str(next(self._numbers))
        root = folder / key.rstrip("/").rpartition("/")[2]
        found = {}
        for name, etag in etags.items():
            path = root / name.removeprefix(key).lstrip("/") if message["directory"] else root
            if ".." in path.parts:
                self._stop("FAILED", "INVALID_URI_INPUT", f"The input s3://{bucket}/{name} is no path of a file.")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._store.neighbours.get_object(bucket, name) or b"")
            found[str(path)] = etag
        digests = {f"s3://{bucket}/{name}": f"etag:{etag}" for name, etag in etags.items()}
        self._change(resourceDigests={**self._run.members.get("resourceDigests", {}), **digests})
        self._answer(message, path=str(root), etags=found)

    def _etags(self, bucket: str, key: str, *, directory: bool) -> dict[str, str]:
        """Return the ETags of an object, or of all below a prefix, by their keys."""
        neighbours = self._store.neighbours
        if directory:
            keys = neighbours.keys(bucket, key.rstrip("/") + "/")
            return {name: neighbours.etag(bucket, name) or "" for name in keys if not name.endswith("/")}
        etag = neighbours.etag(bucket, key) if key else None
        return {key: etag} if etag else {}

    def _submitted(self, message: Message) -> None:
        """Take in a task, and let it run as soon as there is room, unless the cache has it."""
        call, name, image = message["call"], message["name"], message["container"]
        key = CacheKey(
            task=message["task"],
            definition=message["definition"],
            inputs=message["inputs"],
            container=f"{image}@{image_digest(image)}" if image else None,
            resources=message["resources"],
            source=message["source"],
        )
        why = message["opt_out"]
        record = RunTask({"name": name, **message["resources"]}, key=key, cacheable=why is None)
        self._create(record, call, image)
        if why and self._run.cache:
            record.miss = opted_out(why)
        entry = self._look_up(record)
        if entry:
            self._restore(entry, Path(message["folder"]))
            self._task_says(record, f"Task {name} was taken from {entry.s3_uri}")
            self._answer(message, values=entry.values)
            return
        if record.miss:
            self._task_says(record, f"Computed: {record.miss}")
        begin, refuse = partial(self._start_task, record, message), partial(self._refuse_task, record)
        self._places[call] = place = Place(self._run, record, self._age, begin, refuse)
        self._engine.slots.ask(place)

    def _restore(self, entry: CacheEntry, folder: Path) -> None:
        """Copy an entry's files to where the task would have written them, with their modes, and make its folders."""
        _, prefix = s3.split(entry.s3_uri)
        for bucket, key, _ in entry.objects:
            path = folder / key.removeprefix(f"{prefix}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._store.neighbours.get_object(bucket, key) or b"")
        for name, mode in entry.modes.items():
            if stat.S_ISDIR(mode):
                (folder / name).mkdir(parents=True, exist_ok=True)
            else:
                (folder / name).chmod(mode & 0o777)

    def _start_task(self, record: RunTask, message: Message) -> None:
        self._change_task(record, status="STARTING")
        self._change_task(record, status="RUNNING", startTime=self._store.now)
        if message["limit"]:
            self._after(message["limit"], partial(self._time_out, record, message["limit"]))
        self._answer(message)

    def _refuse_task(self, record: RunTask, why: str) -> None:
        self._end_by(record, "INVALID_TASK_RESOURCE_VALUE", why)

    def _leave(self, call: str) -> None:
        self._engine.slots.leave(self._places.pop(call))

    def _printed(self, message: Message) -> None:
        self._task_says(self._run.by_name[message["call"]], *message["lines"], error=True)

    def _completed(self, message: Message) -> None:
        record = self._run.by_name[message["call"]]
        record.outputs = _outputs(message)
        self._complete(record)
        self._leave(message["call"])

    def _failed(self, message: Message) -> None:
        self._fail(self._run.by_name[message["call"]], message["reason"], message["message"])
        self._leave(message["call"])

    def _time_out(self, record: RunTask, limit: int) -> None:
        if record.status in RUN_TASK.progress:
            self._end_by(record, "TASK_TIMED_OUT", f"The task took longer than {limit} seconds, its omicsTimeout.")

    def _end_by(self, record: RunTask, reason: str, message: str) -> None:
        """Fail a task, and its run for the same reason."""
        self._fail(record, reason, message)
        self._stop("FAILED", reason, f"Task {record.members['name']} failed. {message}")

    def _done(self, message: Message) -> None:
        self._result = _outputs(message)
        self._stop("COMPLETED")

    def _broken(self, message: Message) -> None:
        self._stop("FAILED", message["reason"], message["message"])

    def _gone(self, message: Message) -> None:
        text = f"The workflow engine ended unexpectedly. {self._child.errors()}".strip()
        self._stop("FAILED", "WORKFLOW_RUN_FAILED", text)


def where(uri: str, value: Any) -> str | None:
    """Return where in run parameters a URI stands, e.g. ``reads[1]``, or None."""
    if isinstance(value, Mapping):
        inner = {str(name): item for name, item in value.items()}
    elif isinstance(value, list):
        inner = {f"[{number}]": item for number, item in enumerate(value)}
    else:
        return None
    for name, item in inner.items():
        if isinstance(item, str) and item.rstrip("/") == uri.rstrip("/"):  # miniwdl drops a Directory's last slash
            return name
        if (below := where(uri, item)) is not None:
            return f"{name}{below}" if below.startswith("[") else f"{name}.{below}"
    return None


def _outputs(message: Message) -> Outputs:
    root, modes = Path(message["root"]), message["modes"]
    files = {path: root / path for path, mode in modes.items() if stat.S_ISREG(mode)}
    return Outputs(message["values"], files, modes)
