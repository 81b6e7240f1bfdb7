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
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.e2e.airflow_processes import Airflow

DAGS = Path(__file__).parent.parent / "dags"
STARTS, WORKER_SLOTS = 200, 10
DEADLINE_SECONDS = 900.0
"""All takes six minutes of a processor: about four minutes on two idle cores; the buckets alone take 200 s."""
LOOK_SECONDS = 2.0

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
    def samples(self) -> list[str]:
        """The samples of the runs that were started."""
        runs = self.store.region(DEFAULT_ACCOUNT, DEFAULT_REGION).runs
        return [run.members["parameters"]["sample"] for run in runs]

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


def waits(airflow: Airflow) -> list[float]:
    """Return how long each task of the other DAG waited for its start, or has been waiting so far, in seconds."""
    found = ask(
        airflow,
        "SELECT data_interval_end, coalesce(task_instance.start_date, datetime('now')) FROM dag_run"
        " JOIN task_instance USING (dag_id, run_id) WHERE dag_id = 'another'",
    )
    return [(datetime.fromisoformat(began) - datetime.fromisoformat(due)).total_seconds() for due, began in found]


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
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # a slot is held for that long after its task has ended
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
    def ended() -> bool:
        time.sleep(LOOK_SECONDS)
        ends = [cohort.ended(airflow) for cohort in cohorts]
        return all(ends)

    airflow.until("all starts have had their turn", ended, seconds=DEADLINE_SECONDS)
    for cohort in cohorts:
        assert sorted(cohort.samples) == sorted(f"NA{number}" for number in range(STARTS))
        assert cohort.store.faults.calls["StartRun"] > STARTS, "nothing was throttled"
        assert cohort.most_deferred > 0, "no throttled start gave its slot back"
    others = waits(airflow)
    assert len(others) >= 5
    assert max(others) < 60
