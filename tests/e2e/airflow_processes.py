"""A whole Airflow of real processes on a temporary database, for tests that need what ``dag.test()`` leaves out."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
import psutil  # type: ignore[import-untyped]

HOST = "127.0.0.1"
DEADLINE_SECONDS = 60.0
"""How long one state is waited for; on a quiet machine with two cores none takes more than 20 s."""
LOOK_SECONDS = 0.2
GRACE_SECONDS = 5.0
"""How long processes that are told to end may take before they are killed."""
TAIL_LINES = 60

Seen = TypeVar("Seen")


class Process:
    """One command of Airflow in a session of its own, its output in a log.

    :param name: what it is called in messages
    :param command: the command line
    :param environment: the whole environment
    :param log: where its output goes
    """

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                command,
                env=environment,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def tail(self) -> str:
        """Return the end of its log, under a heading."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        state = "running" if self.popen.poll() is None else f"exited with {self.popen.returncode}"
        return "\n".join([f"--- {self.name} ({state}), {self.log}", *lines])

    def family(self) -> list[psutil.Process]:
        """Return what is left of it and of everything that it started."""
        try:
            leader = psutil.Process(self.popen.pid)
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and its process group."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


class Airflow:
    """Scheduler, triggerer and web server, and on Airflow 3 the DAG processor, as processes of their own.

    ``with Airflow(home, dags, environment) as airflow: run_id = airflow.trigger("my_dag")``

    :param home: an empty folder: for the database, the configuration and the logs
    :param dags: the DAG folder
    :param environment: what is added to this process's environment, e.g. connections
    """

    def __init__(self, home: Path, dags: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.major = int(version("apache-airflow").partition(".")[0])
        self.port = free_port()
        self.environment = {**os.environ, **self._settings(dags), **environment}
        self.processes: dict[str, Process] = {}
        self._client = httpx.Client(base_url=f"http://{HOST}:{self.port}", timeout=20)

    def __enter__(self) -> Airflow:
        try:
            self._migrate()
            for command in self._commands():
                self.start(*command)
            self.until("the web server answers", self._log_in)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    # --- processes

    def start(self, *command: str) -> Process:
        """Start a command of Airflow, e.g. ``triggerer``, beside the others; it takes the place of one of its name."""
        name = command[0]
        line = [sys.executable, "-m", "airflow", *command]
        self.processes[name] = Process(name, line, self.environment, self.home / f"{name}.log")
        return self.processes[name]

    def end(self) -> None:
        """End every process, politely at first, and everything that they started."""
        self._client.close()
        running = [member for process in self.processes.values() for member in process.family()]
        for process in self.processes.values():
            process.signal(signal.SIGTERM)
        _, stubborn = psutil.wait_procs(running, timeout=GRACE_SECONDS)
        for process in self.processes.values():
            process.signal(signal.SIGKILL)
        for left in stubborn:  # which has left its group
            with suppress(psutil.NoSuchProcess):
                left.kill()
        for process in self.processes.values():
            process.popen.wait()

    def _commands(self) -> list[list[str]]:
        common = [["scheduler", "--skip-serve-logs"], ["triggerer", "--skip-serve-logs"]]
        address = ["--port", str(self.port), "--workers", "1"]
        if self.major < 3:
            return [["webserver", "--hostname", HOST, *address], *common]
        return [["api-server", "--host", HOST, *address], ["dag-processor"], *common]

    def _migrate(self) -> None:
        (self.home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')  # read by Airflow 2 only
        migration = self.start("db", "migrate")
        if migration.popen.wait(DEADLINE_SECONDS):
            raise AssertionError(f"Airflow's database could not be made.\n{migration.tail()}")
        del self.processes["db"]

    def _settings(self, dags: Path) -> dict[str, str]:
        url = f"http://{HOST}:{self.port}"
        secret = secrets.token_hex(32)
        settings = {
            "core": {
                "dags_folder": str(dags),
                "dags_are_paused_at_creation": "False",
                # Airflow 2 runs nothing in parallel on SQLite.
                "executor": "SequentialExecutor" if self.major < 3 else "LocalExecutor",
                "load_examples": "False",
                "parallelism": "2",
                "execution_api_server_url": f"{url}/execution/",
                "simple_auth_manager_all_admins": "True",
            },
            "api": {
                "base_url": url,
                "secret_key": secret,
                "auth_backends": "airflow.api.auth.backend.default",
            },
            "api_auth": {"jwt_secret": secret},
            "dag_processor": {"parsing_processes": "1", "refresh_interval": "5"},
            "scheduler": {"parsing_processes": "1", "dag_dir_list_interval": "5", "scheduler_heartbeat_sec": "1"},
            "triggerer": {"job_heartbeat_sec": "1"},
            "usage_data_collection": {"enabled": "False"},
            "webserver": {"secret_key": secret, "base_url": url},
        }
        # Airflow 2 starts `airflow` and `gunicorn` by their names.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {"AIRFLOW_HOME": str(self.home), "PATH": path} | {
            f"AIRFLOW__{section.upper()}__{key.upper()}": value
            for section, options in settings.items()
            for key, value in options.items()
        }

    # --- the REST API

    def _log_in(self) -> bool:
        try:
            if self.major < 3:
                return self._client.get("/api/v1/health").is_success
            answer = self._client.get("/auth/token")
        except httpx.TransportError:
            return False
        if answer.is_success:
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer.is_success

    def get(self, path: str, **query: Any) -> Any:
        """Return what the REST API answers below its root, or None if there is no such thing yet."""
        answer = self._client.get(f"{self._root}/{path}", params=query)
        if answer.status_code == 404:
            return None
        assert answer.is_success, f"GET {answer.url}: {answer.status_code} {answer.text}"
        return answer.json()

    @property
    def _root(self) -> str:
        return "/api/v1" if self.major < 3 else "/api/v2"

    def trigger(self, dag_id: str) -> str:
        """Start a DAG run as soon as the DAG is known, and return the run's id."""
        self.until(f"the DAG {dag_id} is parsed", lambda: self.get(f"dags/{dag_id}"))
        body = {} if self.major < 3 else {"logical_date": None}
        answer = self._client.post(f"{self._root}/dags/{dag_id}/dagRuns", json=body)
        assert answer.is_success, f"POST {answer.url}: {answer.status_code} {answer.text}"
        return str(answer.json()["dag_run_id"])

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Describe a DAG run."""
        found: dict[str, Any] = self.get(f"dags/{dag_id}/dagRuns/{run_id}")
        return found

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Describe a task instance; while it is deferred, with its ``trigger`` and ``triggerer_job``."""
        found: dict[str, Any] = self.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        """Return an XCom value."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, **({"stringify": "false"} if self.major < 3 else {}))["value"]

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str | None]:
        """Return the addresses of a task's extra links by their names."""
        answer = self.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links")
        links: dict[str, str | None] = answer if self.major < 3 else answer["extra_links"]
        return links

    # --- waiting

    def tails(self, processes: Iterable[Process] = ()) -> str:
        """Return the ends of the logs of some processes, by default of all."""
        return "\n".join(process.tail() for process in processes or self.processes.values())

    def logged(self, name: str, pattern: str) -> bool:
        """Tell whether the log of a process has a line that matches a regular expression."""
        return re.search(pattern, self.processes[name].log.read_text(errors="replace")) is not None

    def until(self, what: str, look: Callable[[], Seen], *, seconds: float = DEADLINE_SECONDS) -> Seen:
        """Look again and again until something true is seen, and return it.

        :param what: the state that is waited for, for the message
        :param look: returns what is seen
        :param seconds: the deadline
        :raises AssertionError: after the deadline, or as soon as a process has ended; with the ends of the logs
        """
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            dead = [process for process in self.processes.values() if process.popen.poll() is not None]
            if dead:
                raise AssertionError(f"A process ended before {what}.\n{self.tails(dead)}")
            if time.monotonic() > deadline:
                raise AssertionError(f"Not within {seconds:.0f} s: {what}; last seen: {seen!r}.\n{self.tails()}")
            time.sleep(LOOK_SECONDS)
        return seen


def free_port() -> int:
    """Return a port that the system gives away."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
