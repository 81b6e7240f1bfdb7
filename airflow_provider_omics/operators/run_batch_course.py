"""The course of a task that starts a run batch: all samples, or on a retry those that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import sleep
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import OmicsInputError, RunSettingsUnreadable
from airflow_provider_omics.hooks.waiting import interval
from airflow_provider_omics.operators import comparison
from airflow_provider_omics.operators.adoption import LOOKS, Adoption
from airflow_provider_omics.operators.identity import REQUEST, TRY_NUMBER, Attempt, digest, token
from airflow_provider_omics.operators.run_batch_adoption import BatchAdoption, Forerunners
from airflow_provider_omics.operators.run_batch_report import Expected, RunBatchReport
from airflow_provider_omics.operators.starting import OmicsStartingOperator
from airflow_provider_omics.resources import RUN_BATCH

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

LONGEST_NAME = 64
"""Characters of a ``batchName``, by botocore's model."""


class RunBatchCourse(OmicsStartingOperator):
    """Bring a batch to its end; a subclass makes the request."""

    resource = RUN_BATCH
    told_by = "workflow, version, role, output URI, parameters, the settings of the runs or another member that counts"
    batch_name: str | None
    batch_run_settings: Any
    settings_s3_prefix: str | None
    accept_failures: float
    retry_failed: bool
    count_tasks_up_to: int
    _looks = 0
    """How often this try has looked whether the runs of earlier tries have ended."""
    _taken: Mapping[str, Any] | None = None
    """The processed batch that was found first, and is judged together with earlier ones."""

    # --- the request

    def _settings(self) -> str | list[dict[str, Any]]:
        """Return the settings of the runs, checked, or the S3 URI of their file."""
        from airflow_provider_omics.hooks import run_settings, s3

        given = self.batch_run_settings
        if isinstance(given, Mapping) and len(given) == 1:
            given = given.get("inlineSettings") or given.get("s3UriSettings")
        if isinstance(given, str):
            try:
                key = s3.split(given)[1]
            except ValueError as error:
                problem = f"{error}, nor a list."
                if not given.lstrip().startswith(("[", "{")):  # which the error does not quote
                    problem = "must be a list or an S3 URI (s3://bucket/key); this text is no S3 URI."
                raise OmicsInputError("batch_run_settings", problem) from None
            if not key:
                raise OmicsInputError("batch_run_settings", f"{given} names a bucket, but no object in it.")
            return given
        if isinstance(given, Sequence):
            return run_settings.check(given)
        raise OmicsInputError("batch_run_settings", f"must be a list or an S3 URI, not {type(given).__name__}.")

    def _member(self, settings: str | list[dict[str, Any]]) -> dict[str, Any]:
        """Return settings as the API takes them: in the request itself, or where they are kept in S3."""
        from airflow_provider_omics.hooks import run_settings

        if isinstance(settings, str):
            return {"s3UriSettings": settings}
        if len(settings) <= run_settings.INLINE:
            return {"inlineSettings": settings}
        folder = self.settings_s3_prefix
        if folder is None and isinstance(given := self._settings(), str):
            folder = given.rpartition("/")[0]
        if folder is None:
            raise OmicsInputError(
                "batch_run_settings",
                f"has {len(settings)} entries, of which a request carries at most {run_settings.INLINE}. Give "
                "settings_s3_prefix, where they are written to S3, or write them there as JSON and give the URI.",
            )
        try:
            return {"s3UriSettings": run_settings.uri_in(folder, settings)}
        except ValueError as error:
            raise OmicsInputError("settings_s3_prefix", f"{error}.") from None

    def _adoption(self, context: Context, request: Mapping[str, Any]) -> Adoption:
        from airflow_provider_omics.hooks import run_settings

        shared = request["defaultRunSetting"]
        asked = comparison.decisive(shared)
        asked["batchRunSettings"] = request["batchRunSettings"]
        if isinstance(settings := self._settings(), str):
            asked["version"] = run_settings.version(self.hook, settings, shared)
        attempt = Attempt.of(context, self.hook)
        own_name = "batchName" not in request
        own = attempt.task.digest if self.airflow_tags else digest(attempt.task.digest, attempt.max_tries, asked)
        return BatchAdoption(
            self.hook,
            RUN_BATCH,
            attempt,
            asked,
            attempt.task.readable(f"-{own}", LONGEST_NAME) if own_name else request["batchName"],
            own_name=own_name,
            tagged=self.airflow_tags,
            shared=shared,
        )

    def _forerunners(self, context: Context, last: Mapping[str, Any]) -> Forerunners:
        return Forerunners(
            self.hook,
            RUN_BATCH,
            Attempt.of(context, self.hook),
            request={},
            name=last["name"],
            own_name=self.batch_name is None and "batchName" not in (self.extra_request or {}),
            tagged=self.airflow_tags,
            shared=last.get("defaultRunSetting", {}),
            last=last,
        )

    def _completed_request(self, adoption: Adoption, request: dict[str, Any], leave_out: set[str]) -> dict[str, Any]:
        """Return what is sent: with name, tags and token, and without the samples that are not to be started."""
        from airflow_provider_omics.hooks import run_settings, schema

        settings, shared = self._settings(), request["defaultRunSetting"]
        if leave_out:
            listed = run_settings.read(self.hook, settings, shared) if isinstance(settings, str) else settings
            settings = [each for each in listed if each["runSettingId"] not in leave_out]
            request = request | {"batchRunSettings": self._member(settings)}
        if isinstance(settings, list) and "s3UriSettings" in request["batchRunSettings"]:
            run_settings.write(self.hook, request["batchRunSettings"]["s3UriSettings"], settings, shared)
        attempt = adoption.attempt
        request = {**request, "batchName": adoption.name}
        if tags := {**request.get("tags", {}), **adoption.tags}:
            request["tags"] = tags
        own_token = token(self.operation, attempt.task.digest, attempt.try_number, request)
        return schema.check(self.operation, {"requestId": own_token} | request, {"tags": "tags"})

    # --- what earlier tries have started

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Go on with what an earlier try has started, or start the batch of what is left."""
        self._taken = None
        adoption = self._adoption(context, request)
        taken_up = self._go_on(context, adoption)
        if taken_up is not None:
            return taken_up
        leave_out: set[str] = set()
        if earlier := self._earlier(adoption):
            report = self._settled(context, earlier)
            if report.is_good(self.accept_failures) or report.is_final:
                return self._finished(context, report)
            leave_out = {key for key, sample in report.samples.items() if sample.completed or not sample.heals}
            self.log.info("%d of %d samples are left by earlier tries", report.left, report.total)
        shared = request["defaultRunSetting"]
        if self.retries and "cacheId" not in shared:
            self.log.warning(
                "This task has retries but no run cache: what a failed run had completed is computed again. Give "
                "default_run_setting a cacheId."
            )
        batch = self._start(context, adoption, self._completed_request(adoption, request, leave_out))
        self.log.info("Started run batch %s, name %s", batch["id"], adoption.name)
        return self._follow(context, batch)

    def _earlier(self, adoption: Adoption) -> list[Mapping[str, Any]]:
        """Return the batches of earlier tries whose completed samples count."""
        if not self.retry_failed or adoption.attempt.try_number == 1:
            return []
        found = adoption.ended()
        missed = self._taken is not None and all(one["id"] != self._taken["id"] for one in found)
        return [*found, self._taken] if self._taken is not None and missed else found

    def _take(self, context: Context, ended: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take a batch that was processed only if enough of its samples completed."""
        if ended["status"] not in RUN_BATCH.succeeded:
            return super()._take(context, ended)
        if self.retry_failed:
            self._taken = ended  # a second list may miss it
            return None  # act() judges it together with the batches that it completes
        report = self._settled(context, [ended])
        return self._finished(context, report) if report.is_good(self.accept_failures) else None

    def _settled(self, context: Context, batches: Sequence[Mapping[str, Any]]) -> RunBatchReport:
        """Return what became of batches of earlier tries as soon as the lists, which may lag, tell the end of each run.

        What seems to be at work, or to be missing, may have completed: to start it again would be paid twice.
        """
        pauses, expected = iter(LOOKS), self._expected(context, batches)
        while True:
            report = RunBatchReport(self.hook, batches, self.retry_cancelled, expected)
            if report.unsettled:
                self._looks += 1
                self._pause(context, report, self._looks, "start_again", {"turn": self._turn, "looks": self._looks})
            elif report.unlisted and (seconds := next(pauses, None)):
                sleep(seconds)
            else:
                return report

    def start_again(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on with the start when its turn may have come, or when the runs of earlier tries may have ended."""
        if event["try_number"] == context["ti"].try_number:  # see end_in()
            self._looks = event["carried"].get("looks", 0)
        return super().start_again(context, event)

    # --- what came of it

    def _expected(self, context: Context, batches: Sequence[Mapping[str, Any]]) -> Expected:
        """Return what the runs of the batches of earlier tries must be, by batch and ``runSettingId``.

        Not of a batch whose request had other settings: those of now say nothing of its runs.
        """
        adopted = [batch for batch in batches if not self._is_of_this_try(context, batch)]
        if not adopted:
            return {}
        from airflow_provider_omics.hooks import run_settings

        request, settings = self.checked_request(context), self._settings()
        shared = request["defaultRunSetting"]
        try:
            tag = self._adoption(context, request).request_digest
            listed = run_settings.read(self.hook, settings, shared) if isinstance(settings, str) else settings
        except RunSettingsUnreadable as error:
            self.log.warning("The runs of earlier tries are not compared with their settings: %s", error)
            return {}
        runs = {each["runSettingId"]: run_settings.merged(shared, each) for each in listed}
        return {batch["id"]: runs for batch in adopted if batch.get("tags", {}).get(REQUEST) == tag}

    @staticmethod
    def _is_of_this_try(context: Context, batch: Mapping[str, Any]) -> bool:
        this = str(context["ti"].try_number)
        return bool(batch.get("tags", {}).get(TRY_NUMBER, this) == this)

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a batch whose runs have ended, with what earlier tries had completed."""
        return self._outcome(context, description, looks=0)

    def _outcome(self, context: Context, description: dict[str, Any], looks: int) -> dict[str, Any]:
        earlier: list[Mapping[str, Any]] = []
        if context["ti"].try_number > 1:
            found = self._earlier(self._forerunners(context, description))
            earlier = [batch for batch in found if batch["id"] != description["id"]]
        expected = self._expected(context, [*earlier, description])
        while True:
            report = RunBatchReport(self.hook, [*earlier, description], self.retry_cancelled, expected)
            if not report.unsettled and report.copied and not self._is_of_this_try(context, description):
                return self._look_again(context, description)  # which starts the samples that were never this task's
            if not report.unsettled:
                return self._finished(context, report)
            looks += 1
            going_on = {"batch_id": description["id"], "looks": looks}
            self._pause(context, report, looks, "look_at_runs", going_on)
            description = self.hook.describe_ended(RUN_BATCH, batchId=description["id"])

    def _pause(
        self, context: Context, report: RunBatchReport, looks: int, method_name: str, kwargs: dict[str, Any]
    ) -> None:
        """Wait before the next look at runs that have not ended though their batch has."""
        pause = interval(looks, self.resource.poll_seconds if self.waiter_delay is None else self.waiter_delay)
        self.log.info("%d runs of a batch that has ended have not, as far as AWS tells", report.unsettled)
        if self.deferrable:
            self._defer_pause(context, pause, method_name, **kwargs)
        sleep(pause)

    def look_at_runs(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Look at the runs of a batch that has ended again."""
        if event["try_number"] != context["ti"].try_number:  # see end_in()
            return self.execute(context)
        description = self.hook.describe_ended(RUN_BATCH, batchId=event["carried"]["batch_id"])
        return self.result_of(self._outcome(context, description, event["carried"]["looks"]))

    def _finished(self, context: Context, report: RunBatchReport) -> dict[str, Any]:
        """Return the result, or raise the error that the end of the batches means."""
        report.count_tasks(self.count_tasks_up_to)
        result, counted = report.result(), report.counts
        self.log.info("Samples of run batch %s: %s", report.batch["id"], counted)
        if not report.is_good(self.accept_failures):
            if self.do_xcom_push:
                for key in ("counts", "runs"):
                    context["ti"].xcom_push(key, self.for_xcom(result[key]))
            raise report.error(retry_failed=self.retry_failed)
        if missed := counted["total"] - counted["completed"]:
            self.log.warning(
                "%d of %d samples did not complete, which accept_failures=%s allows",
                missed,
                counted["total"],
                self.accept_failures,
            )
        return result
