"""A whole Airflow of real processes on a temporary database, for tests that need what ``dag.test()`` leaves out."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx
import psutil  # type: ignore[import-untyped]

from tests.e2e.airflow_api import AirflowApi
from tests.limit import LIMIT_SECONDS

HOST = "127.0.0.1"
LOOK_SECONDS = 0.2
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
        self.name, self.command, self.log = name, command, log
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
        """Return what still runs of it and of everything that it started: its session, orphans included."""
        return [process for process in psutil.process_iter() if session_of(process) == self.popen.pid]

    def kill(self) -> None:
        """Kill it and everything that it started, as when a machine dies."""
        while running := self.family():  # what is forked meanwhile is found the next time
            for process in running:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            # Its own end is waited for by its Popen, which alone is to learn the exit status.
            psutil.wait_procs([each for each in running if each.pid != self.popen.pid], timeout=LOOK_SECONDS)
        self.popen.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and its process group."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


class Airflow(AirflowApi):
    """Scheduler, triggerer and web server, and on Airflow 3 the DAG processor, as processes of their own.

    ``with Airflow(home, dags, environment) as airflow: run_id = airflow.trigger("my_dag")``

    :param home: an empty folder: for the database, the configuration and the logs
    :param dags: the DAG folder
    :param environment: what is added to this process's environment, e.g. connections
    :param parallelism: how many tasks run at the same time on SQLite; more than one needs :meth:`_parallel`
    :param database: the address of an empty database for SQLAlchemy; by default an SQLite file, which serves few tasks
    :param beside: further commands of Airflow by their names, e.g. ``{"worker-1": ["celery", "worker"]}``
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        environment: Mapping[str, str],
        *,
        parallelism: int = 1,
        database: str | None = None,
        beside: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.port = self.execution_port = free_port()
        self.version = version("apache-airflow")
        major = int(self.version.partition(".")[0])
        super().__init__(httpx.Client(base_url=f"http://{HOST}:{self.port}", timeout=LIMIT_SECONDS), major)
        self.home = home
        self.sqlite = home / "airflow.db" if database is None else None
        # Several processes write: none is to fail because it waited for another one for 5 s.
        self.database = database or f"sqlite:///{self.sqlite}?timeout=60"
        self._beside = {name: list(command) for name, command in (beside or {}).items()}
        settings = self._settings(dags)
        if parallelism > 1:
            settings |= self._parallel(parallelism)
        self.environment = {**os.environ, **settings, **environment}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Airflow:
        try:
            self._migrate()
            for name, command in (self._commands() | self._beside).items():
                self.start(*command, name=name)
            self.until("the web server answers", self.log_in)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    # --- processes

    def start(self, *command: str, name: str | None = None) -> Process:
        """Start a command of Airflow, e.g. ``triggerer``, beside the others; it takes the place of one of its name."""
        return self._run(name or command[0], [sys.executable, "-m", "airflow", *command])

    def restart(self, name: str, number: signal.Signals) -> Process:
        """End a process by a signal, and start its command again."""
        ended = self.processes.pop(name)  # whoever looks after the others is not to miss it
        ended.signal(number)
        try:
            ended.popen.wait(LIMIT_SECONDS)
        finally:
            ended.kill()
        return self._run(name, ended.command)

    def kill(self, name: str) -> Process:
        """Kill a process and everything that it started, as when a machine dies."""
        dead = self.processes.pop(name)
        dead.kill()
        return dead

    def _run(self, name: str, command: list[str]) -> Process:
        self.processes[name] = Process(name, command, self.environment, self.home / f"{name}.log")
        return self.processes[name]

    def end(self) -> None:
        """Kill every process, and everything that they started: nobody needs what they would do at their end."""
        self.client.close()
        for process in self.processes.values():
            process.kill()

    def _commands(self) -> dict[str, list[str]]:
        common = {"scheduler": ["scheduler", "--skip-serve-logs"], "triggerer": ["triggerer", "--skip-serve-logs"]}
        if self.major < 3:
            address = ["--hostname", HOST, "--port", str(self.port), "--workers", "1"]
            return {"webserver": ["webserver", *address], **common}
        server = ["api-server", "--host", HOST, "--workers", "1", "--port"]
        common["dag-processor"] = ["dag-processor"]
        if self.execution_port == self.port:
            return {"api-server": [*server, str(self.port)], **common}
        return {
            "api-server": [*server, str(self.port), "--apps", "core"],
            "execution-api": [*server, str(self.execution_port), "--apps", "execution"],
            **common,
        }

    def _migrate(self) -> None:
        public = ['AUTH_ROLE_PUBLIC = "Admin"', "WTF_CSRF_ENABLED = False"]  # read by Airflow 2 only
        (self.home / "webserver_config.py").write_text("\n".join(public))
        migration = self.start("db", "migrate")
        if migration.popen.wait(LIMIT_SECONDS):
            raise AssertionError(f"Airflow's database could not be made.\n{migration.tail()}")
        del self.processes["db"]
        if self.sqlite:
            with closing(sqlite3.connect(self.sqlite)) as database:
                database.execute("PRAGMA journal_mode=WAL")  # who reads does not hold up who writes

    def _settings(self, dags: Path) -> dict[str, str]:
        """Return the settings; no process is to take another one for dead because the machine is busy."""
        url = f"http://{HOST}:{self.port}"
        secret = secrets.token_hex(32)
        limit = str(int(LIMIT_SECONDS))
        settings = {
            "core": {
                "dagbag_import_timeout": limit,
                "dag_file_processor_timeout": limit,
                "killed_task_cleanup_time": limit,
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
                "worker_timeout": limit,
            },
            "api_auth": {"jwt_secret": secret},
            "database": {"sql_alchemy_conn": self.database},
            "execution_api": {"jwt_expiration_time": limit},
            "dag_processor": {
                "parsing_processes": "1",
                "refresh_interval": "5",
                "dag_file_processor_timeout": limit,
                "stale_dag_threshold": limit,
            },
            "scheduler": {
                "parsing_processes": "1",
                "dag_dir_list_interval": "5",
                "scheduler_heartbeat_sec": "1",
                "scheduler_idle_sleep_time": "0.2",
                "scheduler_health_check_threshold": limit,
                "scheduler_zombie_task_threshold": limit,
                "stale_dag_threshold": limit,
                "task_instance_heartbeat_timeout": limit,
                "task_queued_timeout": limit,
            },
            "triggerer": {"job_heartbeat_sec": "1", "on_kill_timeout": limit, "runner_health_check_threshold": limit},
            "workers": {
                "execution_api_timeout": limit,
                "max_failed_heartbeats": limit,
                "min_heartbeat_interval": "1",  # a slot is held for that long after its task has ended
            },
            "usage_data_collection": {"enabled": "False"},
            "webserver": {
                "secret_key": secret,
                "base_url": url,
                "web_server_master_timeout": limit,
                "web_server_worker_timeout": limit,
            },
        }
        # Airflow 2 starts `airflow` and `gunicorn` by their names.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {"AIRFLOW_HOME": str(self.home), "PATH": path} | {
            f"AIRFLOW__{section.upper()}__{key.upper()}": value
            for section, options in settings.items()
            for key, value in options.items()
        }

    def _parallel(self, parallelism: int) -> dict[str, str]:
        """Return what lets many tasks run at the same time on SQLite, where one waits for another that writes.

        Airflow 2 allows it in tests only. On Airflow 3 the REST API logs what people do in its event loop: a task's
        request in the same process could not end what it has begun to write, and both would wait for ever.
        """
        root = str(Path(__file__).resolve().parents[2])
        settings = {
            "AIRFLOW__CORE__PARALLELISM": str(parallelism),
            "AIRFLOW__CORE__EXECUTOR": "tests.e2e.executor.WarmExecutor",
            "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
        }
        if self.major < 3:
            return settings | {"_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1"}
        self.execution_port = free_port()
        return settings | {
            "AIRFLOW__CORE__EXECUTOR": "tests.e2e.executor.WithoutCallbacks",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{self.execution_port}/execution/",
        }

    # --- waiting

    def trigger(self, dag_id: str, run_id: str | None = None) -> str:
        """Start a DAG run as soon as the DAG is known, and return the run's id."""
        self.until(f"the DAG {dag_id} is parsed", lambda: self.get(f"dags/{dag_id}"))
        return super().trigger(dag_id, run_id)

    def tails(self, processes: Iterable[Process] = ()) -> str:
        """Return the ends of the logs of some processes, by default of all."""
        return "\n".join(process.tail() for process in processes or self.processes.values())

    def logged(self, name: str, pattern: str, *, times: int = 1) -> bool:
        """Tell whether the log of a process has so many lines that match a regular expression."""
        return len(re.findall(pattern, self.processes[name].log.read_text(errors="replace"))) >= times

    def until(self, what: str, look: Callable[[], Seen]) -> Seen:
        """Look again and again until something true is seen, and return it.

        :param what: the state that is waited for, for the message
        :param look: returns what is seen
        :raises AssertionError: after ``LIMIT_SECONDS``, or as soon as a process has ended; with the ends of the logs
        """
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (seen := look()):
            dead = [process for process in self.processes.values() if process.popen.poll() is not None]
            if dead:
                raise AssertionError(f"A process ended before {what}.\n{self.tails(dead)}")
            if time.monotonic() > deadline:
                raise AssertionError(f"Not within {LIMIT_SECONDS:.0f} s: {what}; last seen: {seen!r}.\n{self.tails()}")
            time.sleep(LOOK_SECONDS)
        return seen


def session_of(process: psutil.Process) -> int | None:
    """Return the session that a process runs in, or None if it has ended."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getsid(process.pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def free_port() -> int:
    """Return a port that the system gives away."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
