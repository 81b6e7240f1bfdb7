"""Operators that end runs and forget them; those that start them stand in
:mod:`airflow_provider_omics.operators.run`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import Conflict, NotFound, ValidationFailed
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator
from airflow_provider_omics.resources import RUN

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class CancelRunOperator(OmicsWaitingOperator):
    """Cancel a run, and wait until it has ended.

    AWS accepts the call at once and stops the run in its own time; what had completed is saved to its run cache, if it
    has one. A run that completes or fails before the cancellation takes effect is no error either: ``status`` tells how
    it ended. Once AWS has accepted, nothing calls it off, so that ``cancel_on_kill`` and ``on_timeout`` change nothing
    here.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``uuid`` and ``status``.

    Source: https://docs.aws.amazon.com/omics/latest/dev/canceling-runs.html

    :param run_id: the id of the run (templated)
    :param ended_ok: take a run that has ended already for cancelled; what AWS answers then is not documented, so that
        the run is described
    """

    operation = "CancelRun"
    resource = RUN
    members = {"run_id": "id"}
    permissions = ("CancelRun", "GetRun")

    def __init__(self, *, run_id: str, ended_ok: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.ended_ok = ended_ok

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Cancel the run."""
        try:
            self.hook.call(self.operation, **request)
        except (Conflict, ValidationFailed):
            run = self.hook.describe(RUN, **request)
            if not self.ended_ok or run["status"] not in RUN.ended | RUN.stopping:
                raise
            self.log.info("Run %s is %s already; there is nothing to cancel", run["id"], run["status"])
            if run["status"] in RUN.ended:
                return self._result(run)
        else:
            self.log.info("AWS has accepted to cancel run %s", request["id"])
        if self.wait_for_completion:
            return self.wait(context, request)
        return self._result(self.hook.describe(RUN, **request))

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Tell how the run ended: whichever way, it costs nothing any more."""
        if description["status"] != "CANCELLED":
            self.log.warning(
                "Run %s ended as %s before it could be cancelled", description["id"], description["status"]
            )
        return self._result(description)

    @staticmethod
    def _result(run: Mapping[str, Any]) -> dict[str, Any]:
        return {member: run[member] for member in ("id", "arn", "uuid", "status")}


class DeleteRunOperator(OmicsBaseOperator):
    """Delete what HealthOmics knows of a run that has ended.

    Its outputs in S3 and its logs in CloudWatch stay. AWS may give the id to a new run later: ``arn`` alone does not
    tell the two apart, ``uuid`` does. A run that has not ended is refused by AWS: cancel it first.

    The result: ``id`` and ``deleted`` (whether this task deleted it).

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteRun.html

    :param run_id: the id of the run (templated)
    :param missing_ok: take a run that does not exist for deleted, as for a retry whose first try lost AWS's answer
    """

    operation = "DeleteRun"
    members = {"run_id": "id"}
    permissions = ("DeleteRun",)

    def __init__(self, *, run_id: str, missing_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.missing_ok = missing_ok

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the run."""
        try:
            self.hook.call(self.operation, **request)
        except NotFound:
            if not self.missing_ok:
                raise
            self.log.info("Run %s does not exist any more", request["id"])
            return {"id": request["id"], "deleted": False}
        self.log.info(
            "Deleted run %s. Its outputs in S3 and its logs stay; AWS may give the id to a new run.", request["id"]
        )
        return {"id": request["id"], "deleted": True}
