"""What the cases share: the one Airflow, and points where they wait for each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.e2e.airflow_processes import Airflow

AIRFLOW_LOOK_SECONDS = 0.7
"""How old what is known of Airflow's task instances may be: many cases ask, and share the answer."""

Seen = TypeVar("Seen")


class Watch:
    """What all cases share: Airflow, asked by one at a time, and its task instances."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self._lock = threading.Lock()
        self._at = 0.0
        self._tasks: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a DAG run by their map index."""
        with self._lock:
            if time.monotonic() - self._at > AIRFLOW_LOOK_SECONDS:
                self._tasks = {}
                for task in self.airflow.tasks():
                    self._tasks.setdefault((task["dag_id"], task["dag_run_id"]), []).append(task)
                self._at = time.monotonic()
            found = self._tasks.get((dag_id, run_id), [])
            return sorted(found, key=lambda task: int(task["map_index"]))

    def ask(self, what: Callable[[Airflow], Seen]) -> Seen:
        """Ask Airflow for something, or change something there."""
        with self._lock:
            self._at = 0.0
            return what(self.airflow)


class Meeting:
    """Where the cases of a row wait for each other.

    :param cases: how many
    """

    def __init__(self, cases: int) -> None:
        self._barrier = threading.Barrier(cases)

    def wait(self, action: Callable[[], object], seconds: float) -> None:
        """Wait for all others, let one act, and go on when it has."""
        if self._barrier.wait(seconds) == 0:
            action()
        self._barrier.wait(seconds)

    def abort(self) -> None:
        """Let nobody wait any more: a case has failed."""
        self._barrier.abort()
