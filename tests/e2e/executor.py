"""Executors that run many tasks side by side on a small machine and on SQLite."""

from __future__ import annotations

from typing import Any

from airflow.executors.local_executor import LocalExecutor

from tests.dags import preloaded

PRELOADED = preloaded
"""Every task is forked from a process that has this: no task spends its first seconds with imports."""


class WarmExecutor(LocalExecutor):
    """Run tasks in processes that have imported what they need."""


class WithoutCallbacks(WarmExecutor):
    """Drop the callbacks of tasks that died, too: the tests' DAGs have none.

    The scheduler of Airflow 3 stores them through a second connection while the first one has begun to write; on SQLite
    that never ends where two tasks are found dead at once.
    """

    def send_callback(self, request: Any) -> None:
        """Do nothing."""
