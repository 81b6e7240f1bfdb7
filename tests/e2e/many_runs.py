"""Many mapped runs on a whole Airflow with PostgreSQL, an AWS that throttles, fails and loses answers, and kills."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import sqlalchemy

from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from tests.e2e import services
from tests.e2e.airflow_processes import Airflow
from tests.e2e.omics import START_LOST, Omics

DAGS = Path(__file__).parent.parent / "dags"
DAG_ID = "many_runs"
LOOK_SECONDS = 1.0
STEP = 50
"""How many more task instances come to a state before a wait has the whole limit again."""
SLOTS = 4
"""How many tasks a worker of Celery runs at the same time, and half of what LocalExecutor does."""
START_DELAY = 30.0
"""For how many seconds a start has no answer, so that a worker can be killed meanwhile."""
SETTINGS = {
    "CORE__PARALLELISM": 2 * SLOTS,
    "CORE__MAX_ACTIVE_TASKS_PER_DAG": 2 * SLOTS,
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": 5,  # then another triggerer takes up what a dead one had
    "DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_INTERVAL": 0,
}
CELERY = {
    "CORE__EXECUTOR": "CeleryExecutor",
    "CELERY__WORKER_CONCURRENCY": SLOTS,
    "CELERY__SYNC_PARALLELISM": 1,
    "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": 60,  # then another worker has what a dead one had taken
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": 2,
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 30,
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 5,
}
WORKERS = ("worker-1", "worker-2")
WORKER = ("celery", "worker", "--skip-serve-logs", "--without-mingle", "--without-gossip", "--celery-hostname")


@dataclass
class Measured:
    """What a DAG run took."""

    began: float
    before: float = 0.0
    """The most memory of the triggerer before it waits for anything, in MB."""
    peak: float = 0.0
    most_deferred: int = 0
    triggerers_killed: int = 0
    workers_killed: int = 0


class ManyRuns:
    """One DAG run of mapped starts, each deferred until its run has ended.

    :param samples: how many
    :param airflow: all of Airflow
    :param omics: HealthOmics
    """

    def __init__(self, samples: int, airflow: Airflow, omics: Omics) -> None:
        self.samples, self.airflow, self.omics = samples, airflow, omics
        self._engine = sqlalchemy.create_engine(
            airflow.database, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
        )
        self.measured = Measured(time.monotonic())
        self.run_id = airflow.trigger(DAG_ID)

    # --- looking

    def states(self) -> Counter[str]:
        """Count the states of the task instances, and measure."""
        rows = self.ask("SELECT state, count(*) FROM task_instance WHERE dag_id = :dag_id GROUP BY state")
        states: Counter[str] = Counter({row[0]: row[1] for row in rows})
        measured, megabytes = self.measured, self._triggerer_megabytes()
        measured.most_deferred = max(measured.most_deferred, states["deferred"])
        measured.peak = max(measured.peak, megabytes)
        if not measured.most_deferred:
            measured.before = max(measured.before, megabytes)
        return states

    def ask(self, question: str) -> Sequence[Any]:
        """Ask Airflow's database about the DAG: the REST API would take its part of the machine."""
        with self._engine.connect() as connection:
            return connection.execute(sqlalchemy.text(question), {"dag_id": DAG_ID}).all()

    def until(self, what: str, seen: Callable[[Counter[str]], bool]) -> None:
        """Wait until the states of the task instances are as told."""

        def look() -> bool:
            time.sleep(LOOK_SECONDS)
            states = self.states()
            assert not states["failed"], f"A task has failed.\n{self.airflow.tails()}"
            twice = [sample for sample, number in Counter(self.omics.samples).items() if number > 1]
            assert not twice, f"More than one run was started for {twice}."
            return seen(states)

        try:
            self.airflow.until(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{dict(self.states())}, {len(self.omics.runs)} runs") from error

    def _triggerer_megabytes(self) -> float:
        total = 0
        for process in self.airflow.processes["triggerer"].family():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total / 1e6

    # --- what happens

    def lose_triggerers(self) -> None:
        """Kill the triggerer in the midst of the starts, and in the midst of the ends."""
        self.until_many("deferred", self.samples // 3)
        self.kill_triggerer()
        self.until_all_wait()
        self.omics.end_runs()
        self.until_many("success", self.samples // 10)
        self.kill_triggerer()
        self.until_many("success", self.samples)

    def lose_worker(self) -> None:
        """Kill a worker of Celery in the midst of the starts."""
        self.until_many("deferred", self.samples // 3)
        self.kill_worker(WORKERS[0])
        self.until_all_wait()
        self.omics.end_runs()
        self.until_many("success", self.samples)

    def until_all_wait(self) -> None:
        """Wait until every task instance is deferred, and has its run."""
        self.until_many("deferred", self.samples)
        self.until("each has its run", lambda _: len(self.omics.runs) == self.samples)

    def until_many(self, state: str, number: int) -> None:
        """Wait until so many task instances are in a state, by steps that each have the whole limit."""

        def reached(least: int, states: Counter[str]) -> bool:
            return states[state] >= least

        for least in (*range(STEP, number, STEP), number):
            self.until(f"{least} task instances are in the state {state}", partial(reached, least))

    def kill_triggerer(self) -> None:
        """Kill the triggerer while it waits for runs, and start it again."""
        assert self.states()["deferred"], "There was nothing to lose."
        dead = self.airflow.kill("triggerer")
        self.airflow.start("triggerer", "--skip-serve-logs")
        assert dead.popen.returncode != 0
        self.measured.triggerers_killed += 1

    def kill_worker(self, name: str) -> None:
        """Kill a worker of Celery that has a task whose run was started, and whose answer was not there yet."""
        self.omics.faults.start_delay = START_DELAY
        enough = len(self.omics.runs) + SLOTS + 1  # of which the other worker has SLOTS at most
        self.until("both workers have started runs", lambda _: len(self.omics.runs) >= enough)
        self.airflow.kill(name)
        self.omics.faults.start_delay = 0
        self.measured.workers_killed += 1

    # --- what came of it

    def check(self) -> None:
        """Check that each task instance succeeded with the one run of its sample."""
        assert self.states() == {"success": self.samples}
        assert sorted(self.omics.samples) == sorted(f"NA{number}" for number in range(self.samples))
        uuids = {run.members["parameters"]["sample"]: run.members["uuid"] for run in self.omics.runs}
        taken = self.ask("SELECT map_index, value FROM xcom WHERE dag_id = :dag_id AND key = 'uuid'")
        assert {f"NA{map_index}": value for map_index, value in taken} == uuids
        assert self.omics.faults.wrong["throttled"] > 0
        assert self.omics.faults.wrong["server error"] > 0
        assert self.omics.faults.wrong["answer lost"] >= self.samples // START_LOST
        if self.measured.workers_killed:
            assert self._tried_again() > 0, "The dead worker had nothing to do."

    def _tried_again(self) -> int:
        ((number,),) = self.ask("SELECT count(*) FROM task_instance WHERE dag_id = :dag_id AND try_number > 1")
        return int(number)

    def report(self) -> list[str]:
        """Return lines that tell what it took."""
        measured, minutes = self.measured, (time.monotonic() - self.measured.began) / 60
        executor = self.airflow.environment["AIRFLOW__CORE__EXECUTOR"]
        wrong, calls = self.omics.faults.wrong, self.omics.faults.calls
        figures: dict[str, object] = {
            "runs needed": self.samples,
            "runs started": len(self.omics.runs),
            "runs started twice": len(self.omics.runs) - self.samples,
            "triggerers killed": measured.triggerers_killed,
            "workers killed": measured.workers_killed,
            "tasks that needed another try": self._tried_again(),
            "most tasks deferred at a time": measured.most_deferred,
            "minutes": f"{minutes:.1f}",
            "tasks a minute": f"{self.samples / minutes:.0f}",
            "memory of the triggerer before (MB)": f"{measured.before:.0f}",
            "memory of the triggerer at most (MB)": f"{measured.peak:.0f}",
            "API calls": calls.total(),
            **{f"  {operation}": number for operation, number in calls.most_common()},
            "  throttled": wrong["throttled"],
            "  answered with a server error": wrong["server error"],
            "  answer lost": wrong["answer lost"],
        }
        where = f"Airflow {self.airflow.version}, {executor}, PostgreSQL, {os.cpu_count()} cores"
        return [f"{self.samples} samples, {where}", *(f"{name:40}{figure!s:>8}" for name, figure in figures.items())]


def show(request: pytest.FixtureRequest, cohort: ManyRuns) -> None:
    """Print what a DAG run took, and write it into the folder of ``SCALE_REPORTS``."""
    lines = cohort.report()
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for line in ["", *lines]:
            reporter.write_line(line)
    if folder := os.environ.get("SCALE_REPORTS"):
        executor = cohort.airflow.environment["AIRFLOW__CORE__EXECUTOR"]
        (Path(folder) / f"scale-{executor}.txt").write_text("\n".join([*lines, ""]))


@contextmanager
def many_runs(samples: int, folder: Path, *, celery: bool = False) -> Iterator[ManyRuns]:
    """Start HealthOmics, PostgreSQL and Airflow, and with Celery also Redis and two workers; and the DAG run.

    :param samples: how many runs are wanted
    :param folder: an empty folder
    :param celery: with the CeleryExecutor, instead of the LocalExecutor
    """
    home, dags = folder / "airflow", folder / "dags"
    (home / "config").mkdir(parents=True)
    dags.mkdir()
    shutil.copy(DAGS / "many_runs.py", dags)
    shutil.copy(DAGS / "preloaded.py", home / "config" / "airflow_local_settings.py")
    with ExitStack() as stack:
        omics = stack.enter_context(Omics())
        database = stack.enter_context(services.postgres())
        settings: Mapping[str, object] = SETTINGS | {"CORE__EXECUTOR": "LocalExecutor"}
        beside: dict[str, Sequence[str]] = {}
        if celery:
            broker = {"CELERY__BROKER_URL": stack.enter_context(services.redis())}
            settings = SETTINGS | CELERY | broker | {"CELERY__RESULT_BACKEND": f"db+{database}"}
            beside = {name: [*WORKER, name] for name in WORKERS}
        environment = {f"AIRFLOW__{name}": str(value) for name, value in settings.items()}
        environment |= {"MANY_RUNS": str(samples), CONNECTION: connection_json(omics.server.url)}
        airflow = stack.enter_context(Airflow(home, dags, environment, database=database, beside=beside))
        yield ManyRuns(samples, airflow, omics)
