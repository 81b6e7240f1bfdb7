"""Fifty waits in a real triggerer, and a trigger beside them that asks Airflow for something all the time.

Airflow 3 has one channel for what its triggers ask. Who asks from a thread of its own gets another one's answer, or
none, and takes the whole triggerer down (apache/airflow 3.0 and 3.2), so every connection here lies in Airflow's
database, from where a triggerer has it through that channel alone.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import connection_json
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.dags.beside import WAITS
from tests.e2e.airflow_processes import Airflow
from tests.e2e.asking import ANSWERS, ASKS, ENOUGH

DAG = Path(__file__).parent.parent / "dags" / "beside.py"
WORKERS = 4

pytestmark = pytest.mark.slow


@pytest.fixture
def emulator() -> Iterator[Server]:
    """Start a HealthOmics whose time stands still, with roles to assume beside it."""
    store = Store(clock=Clock(frozen=True), neighbours=MotoNeighbours())
    store.seed_workflow(DEFAULT_ACCOUNT, DEFAULT_REGION, "1234567", name="cohort")
    with Server(store) as server:
        server.wait()
        MotoNeighbours().create_bucket("amzn-s3-demo-bucket", DEFAULT_ACCOUNT, DEFAULT_REGION)
        yield server
    MotoNeighbours().reset()


@pytest.fixture
def airflow(emulator: Server, tmp_path: Path) -> Iterator[Airflow]:
    """Start Airflow with both DAGs, and make its connections."""
    home, dags = tmp_path / "airflow", tmp_path / "dags"
    home.mkdir()
    dags.mkdir()
    shutil.copy(DAG, dags)
    with Airflow(home, dags, {ANSWERS: str(tmp_path / "answers")}, parallelism=WORKERS) as processes:
        omics = json.loads(connection_json(emulator.url))
        sts = {"sts": {"endpoint_url": omics["extra"]["endpoint_url"]}}
        omics["extra"] |= {"role_arn": "arn:aws:iam::123456789012:role/Airflow", "service_config": sts}
        omics |= {"connection_id": "beside_omics", "extra": json.dumps(omics["extra"])}
        for connection in (omics, {"connection_id": ASKS, "conn_type": "http", "host": "go-on"}):
            processes.send("POST", "connections", connection)
        yield processes


def states(airflow: Airflow, dag_id: str) -> Counter[str]:
    """Count the states of a DAG's task instances."""
    return Counter(task["state"] for task in airflow.tasks() if task["dag_id"] == dag_id)


def test_fifty_waits_leave_an_unrelated_trigger_alone(airflow: Airflow, emulator: Server) -> None:
    calls, answers = emulator.store.faults.calls, Path(airflow.environment[ANSWERS])
    asking, waiting = airflow.trigger("beside"), airflow.trigger("many_waits")

    def all_wait() -> bool:
        seen = states(airflow, "many_waits")
        assert not seen["failed"], airflow.tails()
        return seen["deferred"] == WAITS

    airflow.until("all waits are in the triggerer", all_wait)
    polls = calls["GetRun"] + calls["ListRuns"]
    answered = answers.stat().st_size

    def both_go_on() -> bool:
        return calls["GetRun"] + calls["ListRuns"] >= polls + 10 and answers.stat().st_size >= answered + 10

    airflow.until("it polls for them, and answers the other trigger", both_go_on)
    assert states(airflow, "beside") == {"deferred": 1}

    emulator.store.clock.advance(3600)
    airflow.until("all runs are over", lambda: states(airflow, "many_waits") == {"success": WAITS})
    airflow.send("PATCH", f"connections/{ASKS}", {"connection_id": ASKS, "conn_type": "http", "host": ENOUGH})
    airflow.until("the other trigger is told", lambda: states(airflow, "beside") == {"success": 1})

    seen: Any = airflow.xcom("beside", asking, "ask", "return_value")
    assert seen["last"] == [ASKS, ENOUGH]
    assert seen["answers"] >= answered + 10
    assert calls["StartRun"] == WAITS
    assert airflow.dag_run("many_waits", waiting)["state"] == "success"
    assert not airflow.logged("triggerer", r"out of order|Traceback")
