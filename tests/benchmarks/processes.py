"""Handles on the processes of a benchmark: an emulator, and triggers that wait for its runs."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from airflow_provider_omics.emulator.connection import CONNECTION, connection_json

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = "1234567"
LOOK_SECONDS = 0.05
REST_SECONDS = 60.0
"""How long a process may take to answer: an event loop of the amazon provider's triggers is blocked for seconds."""

PLAN = {"tasks": [{"name": "align", "seconds": 1e6}], "pending": 0, "starting": 0, "stopping": 0}
"""Runs that are RUNNING at once, and until they are cancelled; then they have ended at once."""

Run = tuple[str, str]
"""Id and uuid."""


class Emulator:
    """A HealthOmics in a process of its own, on the real clock."""

    def __init__(self) -> None:
        module = "airflow_provider_omics.emulator"
        command = [sys.executable, "-m", module, "--port", "0", "--no-neighbours", "--speed", "1"]
        self._process = subprocess.Popen(
            [*command, "--workflow", WORKFLOW], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().split()[3].rstrip(".")
        self._http = HTTPConnection(urlsplit(self.url).netloc)
        self._ask("POST", "/_emulator/plans", PLAN)

    def close(self) -> None:
        """End it."""
        self._http.close()
        self._process.terminate()
        self._process.communicate()

    def start(self, number: int) -> list[Run]:
        """Start runs."""
        request = {"workflowId": WORKFLOW, "roleArn": "arn:aws:iam::123456789012:role/Omics", "outputUri": "s3://b/o"}
        made = [self._ask("POST", "/run", request | {"requestId": str(n)}) for n in range(number)]
        return [(run["id"], run["uuid"]) for run in made]

    def end(self, run_id: str) -> float:
        """Let a run end, and return when it did."""
        self._ask("POST", f"/run/{run_id}/cancel")
        return time.monotonic()

    def calls(self) -> Counter[str]:
        """Return how often each operation was called."""
        return Counter(self._ask("GET", "/_emulator/calls")["calls"])

    def limit(self, per_second: float, *operations: str) -> None:
        """Throttle operations as AWS does: by a bucket of tokens that holds a second's worth of them."""
        each = {"per_second": per_second, "burst": int(per_second)}
        self._ask("POST", "/_emulator/faults", {"limit": [each | {"operation": name} for name in operations]})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        self._http.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {content.decode()}")
        return json.loads(content or b"{}")


class WaitingProcess:
    """One process of :mod:`tests.benchmarks.waiting_process`.

    :param kind: ``omics`` or ``amazon``
    :param python: the interpreter of the environment that has this kind
    :param folder: where the compiled modules stand
    :param url: the emulator's address
    :param extra: what the Airflow connection's extra has besides
    """

    def __init__(self, kind: str, python: Path, folder: Path, url: str, **extra: Any) -> None:
        connection = json.loads(connection_json(url))
        connection["extra"] |= extra | {"config_kwargs": {"inject_host_prefix": False}}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {
            CONNECTION: json.dumps(connection),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": str(folder),
        }
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.popen = subprocess.Popen(
            [python, "-m", "tests.benchmarks.waiting_process", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=folder,
            env=environment,
        )
        self.process = psutil.Process(self.popen.pid)
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.throttled = 0
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._answers.get(timeout=REST_SECONDS)  # the first rest

    def close(self) -> None:
        """End it, and whatever waits in it."""
        self.popen.kill()
        self.popen.wait()
        self._reader.join()
        for file in (self.popen.stdin, self.popen.stdout, self._log):
            assert file
            file.close()

    def start(self, runs: list[Run], delay: float) -> None:
        """Start to wait for runs."""
        self._do("start", runs=runs, delay=delay)

    def cancel(self, runs: list[str]) -> None:
        """Cancel the waits for runs."""
        self._do("cancel", runs=runs)

    def rest(self) -> int:
        """Collect garbage, and return how many waits there are."""
        self._do("rest")
        return int(self._answer()["rested"])

    def late(self) -> list[tuple[float, float]]:
        """Return when the event loop was late since the last call, and how late."""
        self._do("late")
        return [(at, seconds) for at, seconds in self._answer()["late"]]

    @property
    def memory(self) -> int:
        """The resident memory in bytes."""
        return int(self.process.memory_info().rss)

    @property
    def cpu(self) -> float:
        """The seconds of CPU it has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def _do(self, do: str, **arguments: Any) -> None:
        assert self.popen.stdin
        self.popen.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.popen.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        try:
            return self._answers.get(timeout=REST_SECONDS)
        except queue.Empty:
            self._log.seek(0)
            raise RuntimeError(f"No answer. {self._log.read()[-4000:].decode()}") from None

    def _read(self) -> None:
        assert self.popen.stdout
        for line in self.popen.stdout:
            message = json.loads(line)
            if "run" in message:
                self.events.setdefault(message["run"], []).append(message)
            elif "throttled" in message:
                self.throttled += 1
            else:
                self._answers.put(message)


@contextmanager
def compiled(*pythons: Path) -> Iterator[Path]:
    """Make a folder with this package and its benchmarks, compiled as installed packages are."""
    with tempfile.TemporaryDirectory(prefix="omics-deferred-waits-") as name:
        folder = Path(name).resolve()
        for package in ("airflow_provider_omics", "tests/benchmarks"):
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "tests/__init__.py").touch()
        for python in pythons:
            subprocess.run([python, "-m", "compileall", "-q", folder], check=True)
        yield folder


def until(what: str, seconds: float, is_so: Callable[[], bool]) -> None:
    """Wait until something is so.

    :param what: what is waited for
    :param seconds: the longest time
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"It took more than {seconds:.0f} s until {what}.")
        time.sleep(LOOK_SECONDS)


class Pair:
    """An emulator and one process or more that wait for its runs."""

    def __init__(self, kind: str, python: Path, folder: Path, *, processes: int = 1, **extra: Any) -> None:
        self.emulator = Emulator()
        self.processes: list[WaitingProcess] = []
        try:
            for _ in range(processes):
                self.processes.append(WaitingProcess(kind, python, folder, self.emulator.url, **extra))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pair:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all of them."""
        for process in self.processes:
            process.close()
        self.emulator.close()
