"""The engine ``wdl`` of a store: its processes and folders."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import itertools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from airflow_provider_omics.emulator.clean_environment import passed_on
from airflow_provider_omics.emulator.definition import Definition
from airflow_provider_omics.emulator.records import Run
from airflow_provider_omics.emulator.wdl.pipe import parsed
from airflow_provider_omics.emulator.wdl.slots import Slots

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.store import Region, Store
    from airflow_provider_omics.emulator.wdl.course import WdlCourse

log = logging.getLogger(__name__)

_TICK = 0.02
"""Real seconds between two looks at what has fallen due, while a run is on its way."""


class Engine:
    """Executes the runs of one store.

    :param store: its clock, its services and its lock are used.
    :raises ValueError: if miniwdl is not installed, or the store has no S3.
    """

    def __init__(self, store: Store) -> None:
        if importlib.util.find_spec("WDL") is None:
            raise ValueError("The engine wdl needs miniwdl: pip install 'airflow-provider-omics[wdl]'.")
        if not store.neighbours.knows_buckets:
            raise ValueError("The engine wdl needs S3, where inputs and outputs lie: give the store its neighbours.")
        self._store = store
        self.cores = os.cpu_count() or 1
        """How many tasks run at once, in all runs together."""
        self._children: set[Child] = set()
        self._active: set[WdlCourse] = set()
        self._slots = Slots(lambda: self.cores)
        self._started = itertools.count()
        self._ticking: threading.Thread | None = None
        self.process = os.getpid()
        """Whose engine it is: a fork of that process is to leave what it did not start."""
        _engines.add(self)

    @property
    def slots(self) -> Slots:
        """The places for tasks."""
        return self._slots

    def course(self, region: Region, run: Run, definition: Definition) -> WdlCourse:
        """Return the course of a run that is just being started."""
        from airflow_provider_omics.emulator.wdl.course import WdlCourse

        return WdlCourse(self, region, run, definition, age=next(self._started))

    def enter(self, course: WdlCourse) -> None:
        """See to it that a run goes on by itself, without any request."""
        self._active.add(course)
        if self._ticking is None:
            self._ticking = threading.Thread(target=self._tick, name="omics-wdl-clock", daemon=True)
            self._ticking.start()

    def leave(self, course: WdlCourse) -> None:
        """Let go of a run that has ended."""
        self._active.discard(course)

    def start(self, definition: Definition, request: dict[str, Any], hear: Callable[[dict[str, Any]], None]) -> Child:
        """Start the process that executes a run.

        :param hear: called, while the store is locked, with each message; with ``{"kind": "gone"}`` at the end.
        """
        child = Child(self._store, hear, self._children.discard)
        self._children.add(child)
        try:
            child.start(definition, request)
        except BaseException:
            child.end()
            child.remove()
            raise
        return child

    def drop(self) -> None:
        """End every process and remove every folder, without a word to the runs: they exist no more.

        It waits for no lock of the store's: see :meth:`Store.reset`.
        """
        self._active.clear()
        self._slots = Slots(lambda: self.cores)
        for child in list(self._children):
            child.end()
            child.remove()

    def _tick(self) -> None:
        pause = threading.Event()
        while not pause.wait(_TICK):
            with self._store.lock:
                if not self._active:
                    self._ticking = None
                    return
            try:
                self._store.settle()
            except Exception:
                log.exception("A run of the emulator could not go on")


class Child:
    """The process of one run, its folder, and the thread that listens to it."""

    def __init__(self, store: Store, hear: Callable[[dict[str, Any]], None], forget: Callable[[Child], None]) -> None:
        self._store = store
        self._hear = hear
        self._forget = forget
        self._writing = threading.Lock()
        self._ended = False
        self.folder = Path(tempfile.mkdtemp(prefix="omics-wdl-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, definition: Definition, request: dict[str, Any]) -> None:
        """Write the definition into the folder, and start the process on it."""
        for path, content in definition.files.items():
            file = self.folder / "source" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        environment = passed_on(os.environ)
        package = str(Path(__file__).parents[3])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        with (self.folder / "child.err").open("wb") as errors:
            process = self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "airflow_provider_omics.emulator.wdl.child", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                cwd=self.folder,
                start_new_session=True,  # all that it starts is found by it, and Ctrl-C is the emulator's alone
            )
        self._in, self._out = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        self.tell(request)
        threading.Thread(target=self._listen, name="omics-wdl-run", daemon=True).start()

    def tell(self, message: dict[str, Any]) -> None:
        """Send the process a message, unless it has ended."""
        try:
            with self._writing:
                self._in.write(json.dumps(message).encode() + b"\n")
                self._in.flush()
        except (BrokenPipeError, ValueError):
            log.debug("The process of a run ended before it was told all")

    def errors(self) -> str:
        """Return the last line that the process itself printed, which says why it broke off."""
        lines = (self.folder / "child.err").read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line), "")

    def end(self) -> None:
        """Kill the process and all that it has started."""
        from airflow_provider_omics.emulator.wdl.processes import end_session

        if self._process and not self._ended:
            self._ended = True
            end_session(self._process.pid)
            self._process.wait()

    def remove(self) -> None:
        """Remove the folder; the process has ended."""
        while self.folder.exists():  # a file may be written there at this very moment, by a thread of ours
            shutil.rmtree(self.folder, ignore_errors=True)
        self._forget(self)

    def _listen(self) -> None:
        with self._out:
            for line in self._out:
                self._pass_on(_message(line))
        self._pass_on({"kind": "gone"})
        with self._writing, contextlib.suppress(BrokenPipeError):
            self._in.close()

    def _pass_on(self, message: dict[str, Any]) -> None:
        with self._store.lock:
            self._store.settle()
            if not self._ended:
                self._hear(message)


def _message(line: bytes) -> dict[str, Any]:
    """Return a message of a run's process; one that cannot be read breaks the run off."""
    try:
        return parsed(line)
    except ValueError as error:
        text = f"The values of a task or of the run cannot be read: {error}."
        return {"kind": "broken", "reason": "WORKFLOW_RUN_FAILED", "message": text}


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _drop_all() -> None:
    for engine in list(_engines):
        if engine.process == os.getpid():
            engine.drop()
