"""Which task instance this is, as HealthOmics sees it: digests, because names and tags there are not confidential."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

NAMESPACE = UUID("6ba7c1f2-2f1d-5c0e-9f0b-1f9e3b0e7a51")
"""Of all tokens that this package makes; a constant, so that two workers make the same one."""


def token(*parts: Any) -> str:
    """Return a deterministic ``requestId``: equal parts give the same one, on every worker and at every time."""
    return str(uuid5(NAMESPACE, json.dumps(parts, sort_keys=True, default=str)))


@dataclass(frozen=True)
class TaskIdentity:
    """What tells one task instance from every other."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @classmethod
    def of(cls, context: Context) -> TaskIdentity:
        """Read it from a task's context."""
        ti = context["ti"]
        return cls(ti.dag_id, ti.run_id, ti.task_id, getattr(ti, "map_index", -1))

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that stand for the task instance."""
        parts = json.dumps([self.dag_id, self.run_id, self.task_id, self.map_index])
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    def readable(self, suffix: str = "", longest: int = 128) -> str:
        """Return ``DAG.TASK`` and the suffix; what is too long is cut, and told from others by a digest."""
        name = f"{self.dag_id}.{self.task_id}"
        if len(name) + len(suffix) > longest:
            suffix = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}{suffix}"
        return name[: longest - len(suffix)] + suffix
