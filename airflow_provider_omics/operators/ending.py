"""What operators share that end something, or have AWS forget it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from time import sleep
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import Conflict, NotFound, ValidationFailed
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


PATIENCE_SECONDS = 60.0
"""How long a cancellation that AWS refuses for now is sent again."""


class OmicsCancellingOperator(OmicsWaitingOperator):
    """Cancel a resource, and wait until it has ended; a subclass names it."""

    ended_ok: bool

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Cancel it."""
        identifier = request[self.resource.identifiers[0]]
        found = self._cancel(request)
        if found is None:
            self.log.info("AWS has accepted to cancel %s %s", self.resource.title, identifier)
        else:
            status = self.resource.status_of(found)
            which = self.resource.title.capitalize(), identifier, status
            self.log.info("%s %s is %s already; there is nothing to cancel", *which)
            if status in self.resource.ended:
                return self._result(found)
        if self.wait_for_completion:
            return self.wait(context, {"id": identifier})
        return self._result(self.hook.describe(self.resource, **request))

    def _cancel(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Cancel it, or return the description of what needs no cancelling any more.

        What AWS refuses to cancel yet, as a batch that is CREATING, is asked for again.
        """
        from airflow_provider_omics.hooks import errors

        waited = 0.0
        for repeat in count():
            try:
                self.hook.call(self.operation, **request)
            except (Conflict, ValidationFailed) as error:
                found = self.hook.describe(self.resource, **request)
                status, pause = self.resource.status_of(found), errors.pause(repeat, longest=5)
                if self.ended_ok and status in self.resource.ended | self.resource.stopping:
                    return found
                goes_on = isinstance(error, Conflict) and status in self.resource.progress
                if not goes_on or waited + pause > PATIENCE_SECONDS:
                    raise
                self.log.info("It is %s, and cannot be cancelled yet; asked again in %.1f s", status, pause)
                waited += pause
                sleep(pause)
            else:
                return None
        raise AssertionError("unreachable")

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
