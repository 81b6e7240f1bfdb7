"""Operators that end runs and forget them; those that start them stand in
:mod:`airflow_provider_omics.operators.run`."""

from __future__ import annotations

from typing import Any

from airflow_provider_omics.operators.ending import OmicsCancellingOperator, OmicsDeletingOperator
from airflow_provider_omics.resources import RUN


class CancelRunOperator(OmicsCancellingOperator):
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


class DeleteRunOperator(OmicsDeletingOperator):
    """Delete what HealthOmics knows of a run that has ended.

    Its outputs in S3 and its logs in CloudWatch stay. AWS may give the id to a new run later: ``arn`` alone does not
    tell the two apart, ``uuid`` does. A run that has not ended is refused by AWS: cancel it first.

    The result: ``id`` and ``deleted`` (whether this task deleted it).

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteRun.html

    :param run_id: the id of the run (templated)
    :param missing_ok: take a run that does not exist for deleted, as for a retry whose first try lost AWS's answer
    """

    operation = "DeleteRun"
    title = RUN.title
    stays = "Its outputs in S3 and its logs stay; AWS may give the id to a new run."
    members = {"run_id": "id"}
    permissions = ("DeleteRun",)

    def __init__(self, *, run_id: str, missing_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.missing_ok = missing_ok
