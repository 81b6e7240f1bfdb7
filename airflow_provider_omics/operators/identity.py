"""Which task instance this is, as HealthOmics sees it: digests, because names and tags there are not confidential."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from airflow_provider_omics.compat import cleared_while_running

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context
    from airflow_provider_omics.hooks.omics import OmicsHook

NAMESPACE = UUID("6ba7c1f2-2f1d-5c0e-9f0b-1f9e3b0e7a51")
"""Of all tokens that this package makes; a constant, so that two workers make the same one."""


def token(*parts: Any) -> str:
    """Return a deterministic ``requestId``: equal parts give the same one, on every worker and at every time."""
    return str(uuid5(NAMESPACE, json.dumps(parts, sort_keys=True, default=str)))


def digest(*parts: Any) -> str:
    """Return 16 hexadecimal digits that stand for the parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TaskIdentity:
    """What tells one task instance from every other, in whatever deployment of Airflow."""

    deployment: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @classmethod
    def of(cls, context: Context, hook: OmicsHook) -> TaskIdentity:
        """Read it from a task's context, and the deployment from its connection and its settings."""
        ti = context["ti"]
        return cls(hook.deployment, ti.dag_id, ti.run_id, ti.task_id, getattr(ti, "map_index", -1))

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that stand for the task instance."""
        return digest(self.deployment, self.dag_id, self.run_id, self.task_id, self.map_index)

    def readable(self, suffix: str = "", longest: int = 128) -> str:
        """Return ``DAG.TASK`` and the suffix; what is too long is cut, and told from others by a digest."""
        name = f"{self.dag_id}.{self.task_id}"
        if len(name) + len(suffix) > longest:
            suffix = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}{suffix}"
        return name[: longest - len(suffix)] + suffix


@dataclass(frozen=True)
class Attempt:
    """One try of a task instance, and the tries that belong together with it.

    They are those of one ``max_tries``. Airflow raises it whenever a finished task instance is cleared, to the number
    of tries so far plus ``retries``; a retry leaves it, and so does an author who edits ``retries`` in between.
    """

    task: TaskIdentity
    try_number: int
    max_tries: int
    dag_run_began: datetime | None
    """When this DAG run first began; None if that is not known, because it was cleared since."""
    follows_clearing: bool = False
    """Whether the try before this one was cleared while it ran, and could not leave word of it."""

    @classmethod
    def of(cls, context: Context, hook: OmicsHook) -> Attempt:
        """Read it from a task's context."""
        ti, dag_run = context["ti"], context.get("dag_run")
        began = None if dag_run is None or dag_run.clear_number else dag_run.start_date
        cleared = ti.try_number > 1 and cleared_while_running(ti)
        return cls(TaskIdentity.of(context, hook), ti.try_number, ti.max_tries, began, cleared)

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which later tries recognise what this one made."""
        return {
            TASK_INSTANCE: self.task.digest,
            MAX_TRIES: str(self.max_tries),
            TRY_NUMBER: str(self.try_number),
        }


TASK_INSTANCE = "airflow_task_instance"
MAX_TRIES = "airflow_max_tries"
TRY_NUMBER = "airflow_try_number"
REQUEST = "airflow_request"
"""A digest of what was asked for."""
