"""What the cases share: the one Airflow, and points where they wait for each other."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from tests.e2e.airflow_processes import Airflow
from tests.limit import LIMIT_SECONDS

AIRFLOW_LOOK_SECONDS = 0.2
"""How old what is known of Airflow's task instances may be: many cases ask, and share the answer."""

TASKS = "SELECT dag_id, run_id, map_index, state, try_number FROM task_instance ORDER BY map_index"
DEAD = "state IN ('running', 'restarting') AND (dag_id, pid) IN (VALUES {dead})"
"""The tries that Airflow takes for running and whose processes are dead: a living try has another process."""
LONG_AGO = "'2000-01-01 00:00:00.000000'"
TOLD = """EXISTS (SELECT * FROM log WHERE event = 'heartbeat timeout' AND log.dag_id = task_instance.dag_id
 AND log.run_id = task_instance.run_id AND log.map_index = task_instance.map_index
 AND log.try_number = task_instance.try_number)"""
"""Whether the scheduler of Airflow 2 has noticed it: it would do so again, and count a try each time, until a DAG file
processor has heard of it."""
JOBS = f"id IN (SELECT job_id FROM task_instance WHERE {DEAD} AND {{told}})"
AGES = {
    2: (
        ("job", "latest_heartbeat", LONG_AGO, JOBS.replace("{told}", f"NOT {TOLD}")),
        ("job", "latest_heartbeat", "strftime('%Y-%m-%d %H:%M:%f', 'now')", JOBS.replace("{told}", TOLD)),
    ),
    3: (("task_instance", "last_heartbeat_at", LONG_AGO, DEAD),),
}
"""By the major version of Airflow: a table, its column, what is to stand there, and in which rows."""

Seen = TypeVar("Seen")


class Watch:
    """What all cases share: Airflow, asked by one at a time, and its task instances.

    The latter are read from its database: the REST API would take a part of the machine.
    """

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self._lock = threading.Lock()
        self._at = self._aged_at = 0.0
        self._tasks: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._dead: list[tuple[str, int]] = []

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a DAG run by their map index."""
        with self._lock:
            if time.monotonic() - self._at > AIRFLOW_LOOK_SECONDS:
                self._tasks = {}
                with self._database() as database:
                    for task in map(dict, database.execute(TASKS)):
                        self._tasks.setdefault((task["dag_id"], task["run_id"]), []).append(task)
                self._at = time.monotonic()
            return self._tasks.get((dag_id, run_id), [])

    def bury(self, dag_id: str, *pids: int) -> None:
        """Let Airflow notice that processes are dead, or that nobody supervises them any more."""
        with self._lock:
            self._dead += [(dag_id, pid) for pid in pids]
            self._aged_at = 0.0

    def age_heartbeats(self) -> None:
        """Make the last heartbeats of dead processes old, so that Airflow's next check finds them.

        To be called again and again: a heartbeat may be under way when its sender dies. Nobody else has to be quick:
        the limit by which Airflow takes a task for dead is as long as that of the whole test.
        """
        with self._lock:
            if not self._dead or time.monotonic() - self._aged_at < AIRFLOW_LOOK_SECONDS:
                return
            dead = ", ".join(f"('{dag_id}', {pid})" for dag_id, pid in self._dead)
            with self._database() as database, database:
                for table, column, moment, where in AGES[self.airflow.major]:
                    stale = f"{where.format(dead=dead)} AND {column} {'>' if moment == LONG_AGO else '='} {LONG_AGO}"
                    if database.execute(f"SELECT 1 FROM {table} WHERE {stale}").fetchone():  # writing holds up Airflow
                        database.execute(f"UPDATE {table} SET {column} = {moment} WHERE {stale}")
            self._aged_at = time.monotonic()

    def _database(self) -> closing[sqlite3.Connection]:
        assert self.airflow.sqlite
        database = sqlite3.connect(self.airflow.sqlite, timeout=LIMIT_SECONDS)
        database.row_factory = sqlite3.Row
        return closing(database)

    def ask(self, what: Callable[[Airflow], Seen]) -> Seen:
        """Ask Airflow for something, or change something there."""
        with self._lock:
            self._at = 0.0
            return what(self.airflow)


class Meeting:
    """Where the cases of a row wait for each other.

    :param cases: how many
    :param alone: returns when no other case goes on any more
    """

    def __init__(self, cases: int, alone: Callable[[], object]) -> None:
        self._barrier = threading.Barrier(cases)
        self._alone = alone

    def wait(self, action: Callable[[], object]) -> None:
        """Wait for all others, let one act, and go on when it has."""
        if self._barrier.wait() == 0:
            self._alone()
            action()
        self._barrier.wait()

    def abort(self) -> None:
        """Let nobody wait any more: a case has failed."""
        self._barrier.abort()
