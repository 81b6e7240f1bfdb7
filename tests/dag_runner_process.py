"""Run DAGs one after the other by ``dag.test()``, in one process for all tests that need one.

``tests.dag_runner.DagRunner`` starts it and writes one request a line to its standard input:
``{"modules": [...], "environment": {...}, "log": "FILE", "report": "FILE"}``. Each module is a file in Airflow's DAG
folder and has a ``dag``. The process writes a line to its standard output when it has written the report.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.utils.session import create_session

from airflow_provider_omics.hooks import waiting
from airflow_provider_omics.operators import ensure

try:
    from airflow.models.xcom import XComModel
except ImportError:  # Airflow 2
    from airflow.models.xcom import BaseXCom as XComModel  # type: ignore[attr-defined,no-redef,unused-ignore]


def xcoms(run_id: str, task_id: str, map_index: int) -> dict[str, Any]:
    """Return every XCom of a task instance by its key, as it is stored: what is not plain JSON is a wrapper there."""
    with create_session() as session:
        rows = session.query(XComModel).filter_by(run_id=run_id, task_id=task_id, map_index=map_index)
        # Airflow 2 stores bytes, Airflow 3 what SQLAlchemy reads as JSON.
        return {row.key: json.loads(row.value) if isinstance(row.value, bytes) else row.value for row in rows}


def outcome(module: str) -> dict[str, Any]:
    """Run the DAG of a module once, and tell its state, and of each task instance state, tries and XCom."""
    dag_run = importlib.import_module(module).dag.test()
    tasks = [
        {
            "task": ti.task_id,
            "map_index": ti.map_index,
            "label": ti.rendered_map_index,
            "state": str(ti.state),
            "tries": ti.try_number,
            "xcom": xcoms(dag_run.run_id, ti.task_id, ti.map_index),
        }
        for ti in dag_run.get_task_instances()
    ]
    return {"dag": dag_run.dag_id, "state": str(dag_run.state), "tasks": tasks}


def build_the_api_once() -> None:
    """Keep the API server that ``dag.test()`` builds, as Airflow 3.3 does: it takes older ones 3 s for each task."""
    try:
        from airflow.sdk.execution_time import supervisor
    except ImportError:  # Airflow 2
        return
    supervisor.in_process_api_server = cache(supervisor.in_process_api_server)


def tell_callbacks_the_exception() -> None:
    """Put the exception into a callback's context: every worker does, ``dag.test()`` only from Airflow 3.3 on."""
    try:
        from airflow.sdk.execution_time import task_runner
    except ImportError:  # Airflow 2, where it does
        return
    finalize = task_runner.finalize

    def told(ti: Any, state: Any, context: Any, log: Any, error: BaseException | None = None) -> None:
        context["exception"] = error
        finalize(ti, state, context, log, error)

    task_runner.finalize = told


def hurry() -> None:
    """Poll sooner: the emulators of these tests are hundreds of times as fast as AWS, and nobody else uses them."""
    waiting.FIRST_SECONDS = 0.3
    ensure.SETTLE_SECONDS = 0.3


def serve() -> None:
    """Answer each request of standard input; what Airflow prints goes to the log of the request."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        print_to(request["log"])
        before = dict(os.environ)
        os.environ.update(request["environment"])
        try:
            report = [outcome(module) for module in request["modules"]]
            Path(request["report"]).write_text(json.dumps(report))
        except Exception:
            traceback.print_exc()
        os.environ.clear()
        os.environ.update(before)
        print_to(os.devnull)
        print("done", file=answers, flush=True)


def print_to(log: str) -> None:
    """Let standard output and standard error go to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)


if __name__ == "__main__":
    hurry()
    build_the_api_once()
    tell_callbacks_the_exception()
    sys.path.insert(0, conf.get("core", "dags_folder"))
    serve()
