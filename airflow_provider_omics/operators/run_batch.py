"""The operator that starts a batch of runs, exactly once, and waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import OmicsInputError
from airflow_provider_omics.operators.run_batch_course import RunBatchCourse
from airflow_provider_omics.operators.waiting import seconds

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class StartRunBatchOperator(RunBatchCourse):
    """Start one HealthOmics run for each of many samples, by one call, and wait until all have ended.

    AWS starts the runs at its own rate, so that no task waits for its turn; one Airflow task stands for the whole
    batch. That a batch is PROCESSED says that every run has ended or was refused, not how: the task looks at each run.
    It fails if more samples than ``accept_failures`` did not complete, with the samples and AWS's reasons in the error;
    a retry then starts only those that are left, on the same cache, and its result holds the samples of all tries.
    Needs boto3 1.42.74 or later; AWS offers neither Ready2Run workflows nor ``runId`` in batches.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``uuid`` and ``status`` of the batch,
    and, after a wait, ``batch_ids`` (with those of earlier tries whose samples count), ``counts`` (``total``,
    ``completed``, ``failed``, ``not_started``, ``cancelled``, ``not_submitted``), ``runs`` (a row for each sample:
    ``run_setting_id``, ``batch_id``, ``run_id``, ``arn``, ``uuid``, ``status``, ``reason``, ``tasks_computed``,
    ``tasks_reused``) and ``runs_left_out``. Of more than 1,000 samples ``runs`` holds only those that did not complete,
    1,000 at most; ``counts`` and ``runs`` are pushed for a failed task, too. Reasons are looked up for 100 runs.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html

    :param default_run_setting: what the runs have in common, by the API's own names: ``workflowId``, ``roleArn``,
        ``outputUri``, ``parameters``, ``cacheId`` and so on (templated)
    :param batch_run_settings: what is each run's own: a list of dicts by the API's own names, each with a
        ``runSettingId`` that no other has, or the S3 URI of such a list as JSON, of at most 100,000 runs (templated)
    :param batch_name: 1 to 64 characters; by default ``{dag_id}.{task_id}`` and a digest of the task instance
        (templated)
    :param tags: at most 50, of the batch; those of the runs are ``runTags`` of their settings (templated)
    :param request_id: the idempotency token; by default one that belongs to this try of the task (templated)
    :param settings_s3_prefix: an S3 URI under which a list of more than 100 runs is written, as an object named by
        its content; by default the folder of ``batch_run_settings``, if that is a URI (templated)
    :param accept_failures: how many samples may fail without failing the task: a number, or as a float from 0.0 to
        1.0 a share of them
    :param retry_failed: start, on a retry, only the samples that did not complete in earlier tries of the same request
        and may complete now; otherwise all of them
    :param count_tasks_up_to: count computed and reused tasks where at most so many runs were started: a call for each
    :param airflow_tags: tag the batch with digests by which later tries recognise it; without them a batch of a name
        that the author gave is not found again
    :param retry_cancelled: let ``retries`` start again what somebody else cancelled or deleted
    :param start_timeout: how long a start that AWS throttles, or refuses for a quota, waits for its turn, in seconds
        or as a timedelta, by default 6 hours; None means no limit
    """

    operation = "StartRunBatch"
    members = {
        "default_run_setting": "defaultRunSetting",
        "batch_run_settings": "batchRunSettings",
        "batch_name": "batchName",
        "tags": "tags",
        "request_id": "requestId",
    }
    template_fields = ("settings_s3_prefix",)
    permissions = (
        *("StartRunBatch", "StartRun", "TagResource", "ListBatch", "GetBatch", "ListRunsInBatch", "ListRuns", "GetRun"),
        *("ListRunTasks", "CancelRunBatch", "CancelRun"),
    )

    def __init__(
        self,
        *,
        default_run_setting: dict[str, Any],
        batch_run_settings: Any,
        batch_name: str | None = None,
        tags: dict[str, str] | None = None,
        request_id: str | None = None,
        settings_s3_prefix: str | None = None,
        accept_failures: float = 0,
        retry_failed: bool = True,
        count_tasks_up_to: int = 100,
        airflow_tags: bool = True,
        retry_cancelled: bool = False,
        start_timeout: float | timedelta | None = timedelta(hours=6),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.default_run_setting = default_run_setting
        self.batch_run_settings = batch_run_settings
        self.batch_name = batch_name
        self.tags = tags
        self.request_id = request_id
        self.settings_s3_prefix = settings_s3_prefix
        self.accept_failures = accept_failures
        self.retry_failed = retry_failed
        self.count_tasks_up_to = count_tasks_up_to
        self.airflow_tags = airflow_tags
        self.retry_cancelled = retry_cancelled
        self.start_timeout = start_timeout

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse what no run could be started with, and put the settings where they are to stand."""
        request = super().request(context)
        seconds("start_timeout", self.start_timeout)
        check_accepted(self.accept_failures)
        if not isinstance(self.default_run_setting, Mapping):
            kind = type(self.default_run_setting).__name__
            raise OmicsInputError("default_run_setting", f"must be a dict, not a {kind}.")
        shared, settings = dict(self.default_run_setting), self._settings()
        check_shared(shared, settings if isinstance(settings, list) else [])
        if self.hook.connection_tags:
            shared["runTags"] = {**self.hook.connection_tags, **shared.get("runTags", {})}
        return {**request, "defaultRunSetting": shared, "batchRunSettings": self._member(settings)}

    def checked_request(self, context: Context) -> dict[str, Any]:
        """Refuse besides what is too large only when it is put together."""
        request, settings = super().checked_request(context), self._settings()
        check_size(request["defaultRunSetting"].get("parameters", {}), settings if isinstance(settings, list) else [])
        return request


def check_size(shared: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]) -> None:
    """Refuse shared parameters that are too large for AWS by themselves, or with those of a run.

    :param shared: the parameters that every run has
    :param settings: the settings of the runs, as far as they are known
    :raises OmicsInputError: if they are
    """
    from airflow_provider_omics.hooks.preflight_rules import oversize

    if problem := oversize(shared):
        raise OmicsInputError("default_run_setting.parameters", problem)
    for number, each in enumerate(settings if shared else ()):
        if problem := oversize({**shared, **each.get("parameters", {})}):
            raise OmicsInputError(
                f"batch_run_settings[{number}].parameters", f"with those of default_run_setting, {problem}"
            )


def check_accepted(accepted: Any) -> None:
    """Refuse what is neither a number of samples nor a share of them.

    :raises OmicsInputError: if it is so
    """
    known = isinstance(accepted, int | float) and not isinstance(accepted, bool)
    if not known or not 0 <= accepted <= (1 if isinstance(accepted, float) else accepted):
        raise OmicsInputError("accept_failures", f"must be a number, or a share from 0.0 to 1.0, not {accepted!r}.")


def check_shared(shared: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]) -> None:
    """Refuse shared settings with which no run could be started.

    :param settings: the settings of the runs, as far as they are known
    :raises OmicsInputError: if there are some
    """
    where = "default_run_setting"
    if shared.get("workflowType") == "READY2RUN":
        raise OmicsInputError(
            f"{where}.workflowType", "AWS has no batches of Ready2Run workflows; use StartRunOperator."
        )
    if "cacheBehavior" in shared and "cacheId" not in shared:
        raise OmicsInputError(f"{where}.cacheBehavior", "says nothing without a cacheId.")
    without = [number for number, each in enumerate(settings) if "outputUri" not in each]
    if without and "outputUri" not in shared:
        missing = f"must be given, or be given for all runs in {where}."
        raise OmicsInputError(f"batch_run_settings[{without[0]}].outputUri", missing)
