"""What the operators share that create a resource once for one name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_omics.exceptions import OmicsInputError
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.identity import TASK_INSTANCE, TaskIdentity, token

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context
    from airflow_provider_omics.operators.ensure import Ensurer


class OmicsEnsuringOperator(OmicsBaseOperator):
    """Create a resource, or find the one of its name; a subclass takes the arguments below."""

    name: str | None
    if_exists: str
    drift: str

    ensurer: ClassVar[type[Ensurer]]
    identifying: ClassVar[Sequence[str]]
    """The members that all creators of the same resource have in common: they make the ``requestId``."""

    def request(self, context: Context) -> dict[str, Any]:
        """Add the default name."""
        choices = {"if_exists": ("reuse", "update", "fail", "create"), "drift": ("warn", "error")}
        for argument, allowed in choices.items():
            if (given := getattr(self, argument)) not in allowed:
                raise OmicsInputError(argument, f"must be one of {', '.join(allowed)}, not {given!r}.")
        task = TaskIdentity.of(context, self.hook)
        request = super().request(context)
        if marker := self._marker(task):
            request["tags"] = {**request.get("tags", {}), **marker}
        return request if "name" in request else {"name": self._default_name(task)} | request

    def _marker(self, task: TaskIdentity) -> dict[str, str]:
        """Return the tag that tells this DAG run's resource from those of other DAG runs, where they share a name."""
        return {TASK_INSTANCE: task.digest} if self.if_exists == "create" and self.name else {}

    def _default_name(self, task: TaskIdentity) -> str:
        if self.if_exists == "create":
            return task.readable(f".{task.digest}")
        if task.map_index >= 0:
            return self.mapped_name(task)
        return task.readable()

    def mapped_name(self, task: TaskIdentity) -> str:
        """Return the default name of one of many mapped instances."""
        raise NotImplementedError

    def _token(self, task: TaskIdentity, request: dict[str, Any]) -> str:
        """Return the token that all creators send: of one DAG run, where each is to have its own."""
        scope = task.digest if self.if_exists == "create" else None
        where = (self.hook.identity, self.hook.conn.meta.region_name)
        return token(self.operation, *where, scope, *(request.get(member) for member in self.identifying))

    def ensure(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Return the resource's description, with ``created`` telling whether this task made it."""
        task, own_token = TaskIdentity.of(context, self.hook), "requestId" in request
        request = {"requestId": self._token(task, request)} | request
        marker = self._marker(task)
        return self.ensurer(
            self.hook, request, self.if_exists, self.drift, own_token=own_token, marker=marker, log=self.log
        ).ensure()
