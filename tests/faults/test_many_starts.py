"""Two hundred mapped starts, ten worker slots and real processes: AWS throttles them, and other DAGs go on.

Two cohorts go on side by side, each with a HealthOmics of its own: one that allows a start a second, and one that
allows a start in ten seconds, of a clock that runs ten times as fast, as do the pauses there. The starts do not wait
for the ends of their runs: what waiting costs has tests of its own.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.records import Run
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.e2e.airflow_processes import Airflow

DAGS = Path(__file__).parent.parent / "dags"
STARTS, WORKER_SLOTS = 200, 10
STEP = 25
"""How many more starts a wait may take the whole limit for: all 200 take four minutes on two idle cores."""
LOOK_SECONDS = 2.0
MOST_BEFORE = 60
"""How many runs may be started between the moment that a task of the other DAG is due and the one that it starts."""

pytestmark = pytest.mark.slow


@dataclass
class Cohort:
    """The starts of one DAG.

    :param dag_id: also the name of the connection
    :param per_second: how many starts a second HealthOmics allows, by its own clock
    :param speed: how fast its clock runs
    """

    dag_id: str
    per_second: float
    speed: float
    most_deferred: int = 0

    def __post_init__(self) -> None:
        self.store = Store(clock=Clock(speed=self.speed), neighbours=MotoNeighbours())
        self.store.seed_workflow(DEFAULT_ACCOUNT, DEFAULT_REGION, "1234567", name="cohort")
        self.store.faults.idempotency = "off"  # a start that is sent twice makes two runs
        self.store.faults.limit("StartRun", per_second=self.per_second)
        self.server = Server(self.store)
        self.server.wait()

    @property
    def runs(self) -> list[Run]:
        """The runs that were started."""
        with self.store.lock:
            return list(self.store.region(DEFAULT_ACCOUNT, DEFAULT_REGION).runs)

    @property
    def samples(self) -> list[str]:
        """Their samples."""
        return [run.members["parameters"]["sample"] for run in self.runs]

    @property
    def started(self) -> list[datetime]:
        """When they were started, by its clock."""
        return [run.members["creationTime"] for run in self.runs]

    def ended(self, airflow: Airflow) -> bool:
        """Tell whether the DAG run is over, and note how many starts are deferred."""
        states = ask(airflow, f"SELECT state FROM task_instance WHERE dag_id = '{self.dag_id}'")
        self.most_deferred = max(self.most_deferred, states.count(("deferred",)))
        runs = ask(airflow, f"SELECT state FROM dag_run WHERE dag_id = '{self.dag_id}'")
        return runs in ([("success",)], [("failed",)])


def ask(airflow: Airflow, question: str) -> list[tuple[Any, ...]]:
    """Ask Airflow's database.

    The REST API would take up to a fifth of this machine, and on SQLite what it writes may lock out the workers.
    """
    with closing(sqlite3.connect(f"file:{airflow.home}/airflow.db?mode=ro", uri=True)) as database:
        return database.execute(question).fetchall()


def waits(airflow: Airflow) -> list[tuple[datetime, datetime]]:
    """Return when each task of the other DAG was due, and when it started, or now."""
    found = ask(
        airflow,
        "SELECT data_interval_end, coalesce(task_instance.start_date, datetime('now')) FROM dag_run"
        " JOIN task_instance USING (dag_id, run_id) WHERE dag_id = 'another'",
    )
    return [(utc(due), utc(began)) for due, began in found]


def utc(moment: str) -> datetime:
    """Read a moment as Airflow's database holds it."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.fixture
def cohorts() -> Iterator[list[Cohort]]:
    """Start a HealthOmics for each cohort."""
    with ExitStack() as stack:
        made = [Cohort("one_in_ten_seconds", 0.1, 10), Cohort("one_a_second", 1, 1)]
        for cohort in made:
            stack.enter_context(cohort.server)
        MotoNeighbours().create_bucket("amzn-s3-demo-bucket", DEFAULT_ACCOUNT, DEFAULT_REGION)
        stack.callback(MotoNeighbours().reset)
        yield made


@pytest.fixture
def airflow(cohorts: list[Cohort], tmp_path: Path) -> Iterator[Airflow]:
    """Start Airflow with ten worker slots."""
    home, dags = tmp_path / "airflow", tmp_path / "dags"
    (home / "config").mkdir(parents=True)
    dags.mkdir()
    shutil.copy(DAGS / "many_starts.py", dags)
    shutil.copy(DAGS / "preloaded.py", home / "config" / "airflow_local_settings.py")
    environment = {
        "MANY_STARTS": json.dumps({cohort.dag_id: cohort.speed for cohort in cohorts}),
        "AIRFLOW__CORE__PARALLELISM": str(WORKER_SLOTS),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # Airflow 2 refuses to run tasks side by side on SQLite, except in tests.
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
    }
    environment |= {
        CONNECTION.replace("AWS_DEFAULT", cohort.dag_id.upper()): connection_json(cohort.server.url)
        for cohort in cohorts
    }
    with Airflow(home, dags, environment) as processes:
        yield processes


def test_all_start_once_and_another_dag_goes_on(cohorts: list[Cohort], airflow: Airflow) -> None:
    def ended(least: int) -> bool:
        time.sleep(LOOK_SECONDS)
        ends = [cohort.ended(airflow) for cohort in cohorts]
        return all(ends) or all(len(cohort.samples) >= least for cohort in cohorts)

    for least in (*range(STEP, STARTS, STEP), STARTS + 1):
        airflow.until(f"{least} starts have had their turn, or all", partial(ended, least))
    for cohort in cohorts:
        assert sorted(cohort.samples) == sorted(f"NA{number}" for number in range(STARTS))
        assert cohort.store.faults.calls["StartRun"] > STARTS, "nothing was throttled"
        assert cohort.most_deferred > 0, "no throttled start gave its slot back"
    others = waits(airflow)
    assert len(others) >= 5
    (in_real_time,) = (cohort for cohort in cohorts if cohort.speed == 1)
    before = [sum(due <= started < began for started in in_real_time.started) for due, began in others]
    assert max(before) < MOST_BEFORE, "the other DAG had to wait"
