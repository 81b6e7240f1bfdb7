"""What operators share that end something, or have AWS forget it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import Conflict, NotFound, ValidationFailed
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class OmicsCancellingOperator(OmicsWaitingOperator):
    """Cancel a resource, and wait until it has ended; a subclass names it."""

    ended_ok: bool

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Cancel it."""
        identifier = request[self.resource.identifiers[0]]
        try:
            self.hook.call(self.operation, **request)
        except (Conflict, ValidationFailed):
            found = self.hook.describe(self.resource, **request)
            status = self.resource.status_of(found)
            if not self.ended_ok or status not in self.resource.ended | self.resource.stopping:
                raise
            which = self.resource.title.capitalize(), identifier, status
            self.log.info("%s %s is %s already; there is nothing to cancel", *which)
            if status in self.resource.ended:
                return self._result(found)
        else:
            self.log.info("AWS has accepted to cancel %s %s", self.resource.title, identifier)
        if self.wait_for_completion:
            return self.wait(context, {"id": identifier})
        return self._result(self.hook.describe(self.resource, **request))

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Tell how it ended: whichever way, it costs nothing any more."""
        status = self.resource.status_of(description)
        if status != "CANCELLED":
            which = self.resource.title.capitalize(), description["id"], status
            self.log.warning("%s %s ended as %s before it could be cancelled", *which)
        return self._result(description)

    @staticmethod
    def _result(found: Mapping[str, Any]) -> dict[str, Any]:
        return {member: found.get(member) for member in ("id", "arn", "uuid", "status")}


class OmicsDeletingOperator(OmicsBaseOperator):
    """Delete a resource; a subclass names it."""

    title: str
    stays: str
    """What the deletion leaves, in a sentence."""
    missing_ok: bool

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete it."""
        (identifier,) = request.values()
        try:
            self.hook.call(self.operation, **request)
        except NotFound:
            if not self.missing_ok:
                raise
            self.log.info("%s %s does not exist any more", self.title.capitalize(), identifier)
            return {"id": identifier, "deleted": False}
        self.log.info("Deleted %s %s. %s", self.title, identifier, self.stays)
        return {"id": identifier, "deleted": True}
