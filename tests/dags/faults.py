"""One DAG for each case of a fault: a run that a test starts, disturbs and looks at.

The folder in the environment variable ``FAULTS`` holds ``cases.json``, which may change between two tries of a task as
an author's DAG file may, and takes the notes that tell the test which process executes which try.
"""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from tests.limit import LIMIT_SECONDS

FOLDER = Path(os.environ["FAULTS"])


class HeldRunOperator(StartRunOperator):
    """Start a run, and note the process of each try.

    :param hold: where the first try that comes there stands still: ``start``, before anything is called, or ``wait``,
        when the run is started and nobody waits for it yet
    """

    template_fields = ("use_cache",)

    def __init__(self, *, hold: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hold = hold

    def execute(self, context: Any) -> dict[str, Any]:
        """Start the run and wait for it."""
        self._note(context, "pid", str(os.getpid()))
        self._stand_still(context, "start")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Go on when the run has ended."""
        self._note(context, "pid", str(os.getpid()))
        return super().execute_complete(context, event)

    def wait(self, context: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Wait for the run."""
        self._stand_still(context, "wait")
        return super().wait(context, *args, **kwargs)

    def _stand_still(self, context: Any, point: str) -> None:
        ti = context["ti"]
        if self.hold == point and not list(FOLDER.glob(f"{ti.dag_id}.{ti.map_index}.*.held")):
            self._note(context, "held", point)
            time.sleep(LIMIT_SECONDS)  # the test ends it

    def _note(self, context: Any, kind: str, text: str) -> None:
        ti = context["ti"]
        note = FOLDER / f"{ti.dag_id}.{ti.map_index}.{ti.try_number}.{kind}"
        scratch = note.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(note)  # the test never reads half a note


def dag_of(case: dict[str, Any]) -> DAG:
    """Return the DAG of a case: one task, or where there are several samples one that is mapped over them."""
    arguments = {
        "task_id": "run",
        "aws_conn_id": case["dag_id"],
        "workflow_id": "1234567",
        "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
        "output_uri": f"s3://amzn-s3-demo-bucket/{case['dag_id']}/runs",
        # By default that depends on whether AWS describes the workflow within 5 s: a busy machine may not.
        "storage_type": "DYNAMIC",
        "waiter_delay": 1,
        "retry_delay": timedelta(seconds=1),
        **case["arguments"],
    }
    if "execution_timeout" in arguments:
        arguments["execution_timeout"] = timedelta(seconds=arguments["execution_timeout"])
    parameters = [{"sample": sample} for sample in case["samples"]]
    with DAG(dag_id=case["dag_id"], schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        if len(parameters) == 1:
            HeldRunOperator(parameters=parameters[0], **arguments)
        else:
            HeldRunOperator.partial(**arguments).expand(parameters=parameters)
    return dag


for number, case in enumerate(json.loads((FOLDER / "cases.json").read_text())):
    globals()[f"dag_{number}"] = dag_of(case)
