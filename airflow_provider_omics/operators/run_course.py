"""The course of a task that runs a workflow: take up what an earlier try has started, or start, and follow to the
end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from time import sleep, time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_omics.compat import AirflowSkipException
from airflow_provider_omics.exceptions import QuotaExceeded, Throttled
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.links.omics import RUN_LINKS, persist_run_links
from airflow_provider_omics.operators.adoption import Adoption, Step
from airflow_provider_omics.operators.identity import Attempt
from airflow_provider_omics.operators.run_report import RunReport
from airflow_provider_omics.operators.run_start import RunStarter
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator, seconds
from airflow_provider_omics.reports.request import rendered
from airflow_provider_omics.resources import RUN

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

COMPARED = ("workflowId", "workflowVersionName", "runId", "roleArn", "outputUri", "parameters")
"""What a run must have in common with a request to be gone on with."""


class RunCourse(OmicsWaitingOperator):
    """Bring a run to its end; a subclass makes the request."""

    resource = RUN
    operator_extra_links = RUN_LINKS
    name: str | None
    request_id: str | None
    airflow_tags: bool
    retry_cancelled: bool
    pending_timeout: float | timedelta | None
    run_timeout: float | timedelta | None
    start_timeout: float | timedelta | None
    preflight: bool
    log_level: str | None
    log_lines: int

    def __init__(self, *, dry_run: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dry = dry_run  # dry_run is a method of Airflow's
        self._turn: dict[str, Any] | None = None
        self._awaited: str | None = None

    def limits(self, context: Context) -> Limits:
        """Add those of a run."""
        return replace(
            super().limits(context),
            pending_timeout=seconds("pending_timeout", self.pending_timeout),
            run_timeout=seconds("run_timeout", self.run_timeout),
        )

    def _adoption(self, context: Context, request: Mapping[str, Any]) -> Adoption:
        return Adoption(
            self.hook,
            RUN,
            Attempt.of(context, self.hook),
            request,
            request["name"],
            own_name=self.name is None and "name" not in (self.extra_request or {}),
            tagged=self.airflow_tags,
            compared=COMPARED,
        )

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Go on with what an earlier try has started, or start the run."""
        if self.dry:
            self._only_show(context, request)
        if context["ti"].try_number > 1 and self._turn is None:
            step = self._adoption(context, request).next_step(self._awaited, self.retry_cancelled)
            self._awaited = None
            self._leave_others(step)
            if step.found is not None:
                return self._take_up(context, step)
        if self.retries and "cacheId" not in request:
            self.log.warning(
                "This task has retries but no run cache: a retry computes everything again. Give cache_id."
            )
        run = self._start(context, request)
        cache = f" on run cache {request['cacheId']}" if "cacheId" in request else ""
        self.log.info("Started run %s%s; its output goes to %s", run["id"], cache, run.get("runOutputUri"))
        return self._follow(context, run)

    # --- what earlier tries have started

    def _leave_others(self, step: Step) -> None:
        for other in step.others:
            self.log.warning(
                "Run %s of an earlier try is under way, but was started with another request (workflow, version, "
                "role, output URI or parameters): it is not this task's any more",
                other["id"],
            )
            if self.cancel_on_kill:
                killing.cancel(self.hook, RUN, {"id": other["id"]}, self._arn(other), "another request took its place")

    def _take_up(self, context: Context, step: Step) -> dict[str, Any]:
        """Go on with a run that an earlier try has started."""
        assert step.found is not None  # noqa: S101 - as the caller has seen
        run = step.found
        if step.kind == "go_on":
            self.log.info("Run %s of an earlier try is %s: this try goes on with it", run["id"], run["status"])
            return self._follow(context, run)
        if step.kind == "take":
            self.log.info("Run %s of an earlier try has ended %s: no other one is started", run["id"], run["status"])
            self._persist_links(context, run)
            return self.outcome(context, dict(run))
        if step.cancel and self.cancel_on_kill:
            killing.cancel(self.hook, RUN, {"id": run["id"]}, self._arn(run), "the task was cleared")
        self.log.info(
            "Run %s of an earlier try is %s: this try waits for its end, since the cache is written then",
            run["id"],
            run["status"],
        )
        limits = OmicsWaitingOperator.limits(self, context)
        return self._look_again(context, self.end_of(context, self._held_part(run), limits, "execute_again"))

    def execute_again(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Look anew when the run of an earlier try has ended."""
        ended = self.end_in(context, event)
        return self.execute(context) if ended is None else self._look_again(context, ended)

    def _look_again(self, context: Context, ended: Mapping[str, Any]) -> dict[str, Any]:
        self._awaited = ended["id"]
        return self.execute(context)

    def find_again(self, context: Context) -> dict[str, Any] | None:
        """Return the run of this task that is under way."""
        found = self._adoption(context, self.checked_request(context)).under_way()
        return dict(found) if found else None

    # --- starting

    def _start(self, context: Context, request: dict[str, Any]) -> Mapping[str, Any]:
        """Start the run, waiting for its turn as long as AWS refuses it."""
        turn = self._turn or {"began": time(), "pauses": 0, "added": self._preflight(context, request)}
        request = request | turn["added"]
        timeout = seconds("start_timeout", self.start_timeout)
        adoption = self._adoption(context, request)
        own_token = self.request_id is not None or "requestId" in (self.extra_request or {})
        starter = RunStarter(
            self.hook, adoption, request, own_token, timeout, began=turn["began"], pauses=turn["pauses"]
        )
        while True:
            try:
                answer = starter.send()
            except (Throttled, QuotaExceeded) as refused:
                pause = starter.pause(refused)
                if self.deferrable:
                    self._defer_turn(context, pause, {**turn, "pauses": starter.pauses})
                sleep(pause)
                continue
            self.mark_held(context, self._held_part(answer))
            return starter.fresh(answer)

    def _defer_turn(self, context: Context, pause: float, turn: dict[str, Any]) -> None:
        from airflow_provider_omics.triggers.pause import PauseTrigger

        trigger = PauseTrigger(until=time() + pause, try_number=context["ti"].try_number)
        self.defer(trigger=trigger, method_name="start_again", kwargs={"turn": turn})

    def start_again(self, context: Context, event: dict[str, Any], turn: dict[str, Any]) -> dict[str, Any]:
        """Send the start again when its turn may have come."""
        if event["try_number"] == context["ti"].try_number:  # see end_in()
            self._turn = turn
        return self.execute(context)

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

    # --- following

    def _arn(self, run: Mapping[str, Any]) -> str | None:
        return run.get("arn") if self.airflow_tags else None

    def _held_part(self, run: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": run["id"], "arn": self._arn(run)}

    def _persist_links(self, context: Context, run: Mapping[str, Any]) -> None:
        if self.do_xcom_push:
            meta = self.hook.conn.meta
            persist_run_links(context["ti"], meta.region_name, run["id"], meta.partition, logs=self.log_level != "OFF")

    def _follow(self, context: Context, run: Mapping[str, Any]) -> dict[str, Any]:
        self._persist_links(context, run)
        return self.wait(context, self._held_part(run)) if self.wait_for_completion else self._result(run)

    @staticmethod
    def _result(run: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        members = {
            "id": "id",
            "arn": "arn",
            "uuid": "uuid",
            "status": "status",
            "run_output_uri": "runOutputUri",
        }
        return {key: run.get(member) for key, member in members.items()} | more

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
            context["ti"].xcom_push("cache_summary", summary.plain())
        raise report.error(log_lines=self.log_lines, retry_cancelled=self.retry_cancelled)
