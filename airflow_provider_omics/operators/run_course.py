"""The course of a task that runs a workflow: look before the start, and tell what came of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_omics.compat import AirflowSkipException
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.links.omics import RUN_LINKS, persist_run_links
from airflow_provider_omics.operators.adoption import Adoption
from airflow_provider_omics.operators.identity import Attempt
from airflow_provider_omics.operators.run_adoption import RunAdoption
from airflow_provider_omics.operators.run_report import RunReport
from airflow_provider_omics.operators.starting import OmicsStartingOperator
from airflow_provider_omics.operators.waiting import seconds
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.reports.request import rendered
from airflow_provider_omics.resources import RUN

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class RunCourse(OmicsStartingOperator):
    """Bring a run to its end; a subclass makes the request."""

    resource = RUN
    operator_extra_links = RUN_LINKS
    told_by = "workflow, version, role, output URI, parameters or another member that counts"
    name: str | None
    pending_timeout: float | timedelta | None
    run_timeout: float | timedelta | None
    preflight: bool
    log_level: str | None
    log_lines: int

    def __init__(self, *, dry_run: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dry = dry_run  # dry_run is a method of Airflow's

    def limits(self, context: Context) -> Limits:
        """Add those of a run."""
        return replace(
            super().limits(context),
            pending_timeout=seconds("pending_timeout", self.pending_timeout),
            run_timeout=seconds("run_timeout", self.run_timeout),
        )

    def _adoption(self, context: Context, request: Mapping[str, Any]) -> Adoption:
        return RunAdoption(
            self.hook,
            RUN,
            Attempt.of(context, self.hook),
            request,
            request["name"],
            own_name=self.name is None and "name" not in (self.extra_request or {}),
            tagged=self.airflow_tags,
        )

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Go on with what an earlier try has started, or start the run."""
        if self.dry:
            self._only_show(context, request)
        adoption = self._adoption(context, request)
        taken_up = self._go_on(context, adoption)
        if taken_up is not None:
            return taken_up
        if self.retries and not {"cacheId", "runId"} & request.keys():  # a run that is repeated lends its cache
            self.log.warning(
                "This task has retries but no run cache: a retry computes everything again. Give cache_id."
            )
        run = self._start(context, adoption, request)
        cache = f" on run cache {request['cacheId']}" if "cacheId" in request else ""
        self.log.info("Started run %s%s; its output goes to %s", run["id"], cache, one_line(run.get("runOutputUri")))
        return self._follow(context, run)

    def _preflight(self, context: Context, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self.preflight:
            return {}
        from airflow_provider_omics.hooks import preflight

        # Of mapped task instances only the first looks at what is the same for all.
        return preflight.check(self.hook, request, shared=getattr(context["ti"], "map_index", -1) < 1)

    def _only_show(self, context: Context, request: Mapping[str, Any]) -> NoReturn:
        """Log the request, and skip the task: what comes after it would miss the run."""
        added = self._preflight(context, request)
        self.log.info("dry_run: nothing is started. StartRun would be sent as\n%s", rendered({**request, **added}))
        raise AirflowSkipException("dry_run: nothing was started; the request stands in the log.")

    def _persist_links(self, context: Context, run: Mapping[str, Any]) -> None:
        if self.do_xcom_push:
            meta = self.hook.conn.meta
            log_level = (self.extra_request or {}).get("logLevel", self.log_level)
            persist_run_links(context["ti"], meta.region_name, run["id"], meta.partition, logs=log_level != "OFF")

    @staticmethod
    def _result(found: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        members = {
            "id": "id",
            "arn": "arn",
            "uuid": "uuid",
            "status": "status",
            "run_output_uri": "runOutputUri",
        }
        return {key: found.get(member) for key, member in members.items()} | more

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a completed run, or say why it did not complete."""
        report = RunReport(self.hook, description)
        summary = report.summary
        if description["status"] in RUN.succeeded:
            return self._result(
                description,
                tasks_computed=summary and summary.tasks_computed,
                tasks_reused=summary and summary.tasks_reused,
                cache_summary=summary and summary.plain(),
                outputs=report.outputs(),
            )
        if summary and self.do_xcom_push:
            context["ti"].xcom_push("cache_summary", self.for_xcom(summary.plain()))
        raise report.error(log_lines=self.log_lines, retry_cancelled=self.retry_cancelled)
