"""What operators share that start something exactly once: take up what an earlier try has started, or start, and follow
to the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from time import sleep, time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_omics.exceptions import QuotaExceeded, StartTimeout, Throttled
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.operators.adoption import Adoption, Step
from airflow_provider_omics.operators.run_start import RunStarter
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator, seconds

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class OmicsStartingOperator(OmicsWaitingOperator):
    """Start one resource exactly once; a subclass makes the request, and says what came of it."""

    told_by: ClassVar[str]
    """What of a request tells one from another, in words."""
    request_id: str | None
    airflow_tags: bool
    retry_cancelled: bool
    start_timeout: float | timedelta | None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._turn: dict[str, Any] | None = None
        self._awaited: str | None = None

    def _adoption(self, context: Context, request: Mapping[str, Any]) -> Adoption:
        raise NotImplementedError

    def _preflight(self, context: Context, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is sent besides the request; override to look before the start."""
        return {}

    def _persist_links(self, context: Context, found: Mapping[str, Any]) -> None:
        """Push the addresses of links; override where there are some."""

    @staticmethod
    def _result(found: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {member: found.get(member) for member in ("id", "arn", "uuid", "status")} | more

    # --- what earlier tries have started

    def _go_on(self, context: Context, adoption: Adoption) -> dict[str, Any] | None:
        """Go on with what an earlier try has started, and return the result; None if there is nothing."""
        if context["ti"].try_number == 1 or self._turn is not None:
            return None
        step = adoption.next_step(self._awaited, self.retry_cancelled)
        self._awaited = None
        self._leave_others(step)
        return self._take_up(context, step) if step.found is not None else None

    def _leave_others(self, step: Step) -> None:
        for other in step.others:
            self.log.warning(
                "%s %s of an earlier try is under way, but was started with another request (%s): it is not this "
                "task's any more",
                self.resource.title.capitalize(),
                other["id"],
                self.told_by,
            )
            if self.cancel_on_kill:
                self._cancel(other, "another request took its place")

    def _take_up(self, context: Context, step: Step) -> dict[str, Any] | None:
        """Go on with what an earlier try has started."""
        assert step.found is not None  # noqa: S101 - as the caller has seen
        found = step.found
        which = self.resource.title.capitalize(), found["id"], self.resource.status_of(found)
        if step.kind == "go_on":
            self.log.info("%s %s of an earlier try is %s: this try goes on with it", *which)
            return self._follow(context, found)
        if step.kind == "take":
            return self._take(context, found)
        if step.cancel and self.cancel_on_kill:
            self._cancel(found, "the task was cleared")
        self.log.info(
            "%s %s of an earlier try is %s: this try waits for its end, since the cache is written then", *which
        )
        self._persist_links(context, found)
        limits = OmicsWaitingOperator.limits(self, context)
        return self._look_again(context, self.end_of(context, self._held_part(found), limits, "execute_again"))

    def _take(self, context: Context, ended: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take the end of what an earlier try has started for this try's; override where something may be left."""
        which = self.resource.title.capitalize(), ended["id"], self.resource.status_of(ended)
        self.log.info("%s %s of an earlier try has ended %s: no other one is started", *which)
        self._persist_links(context, ended)
        return self.outcome(context, dict(ended))

    def execute_again(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Look anew when what an earlier try has started has ended."""
        ended = self.end_in(context, event)
        return self.execute(context) if ended is None else self._look_again(context, ended)

    def _look_again(self, context: Context, ended: Mapping[str, Any]) -> dict[str, Any]:
        self._awaited = ended["id"]
        self._held = None  # a kill from now on is none of what has ended
        return self.execute(context)

    def find_again(self, context: Context) -> dict[str, Any] | None:
        """Return what this task has under way."""
        found = self._adoption(context, self.checked_request(context)).under_way()
        return {**found, "arn": self._arn(found)} if found else None

    # --- starting

    def _start(self, context: Context, adoption: Adoption, request: dict[str, Any]) -> Mapping[str, Any]:
        """Send the request, waiting for its turn as long as AWS refuses it."""
        turn = self._turn or {
            "began": time(),
            "deadline": self.limits(context).execution_timeout,
            "since": adoption.earliest().isoformat(),
            "pauses": 0,
            "added": self._preflight(context, request),
        }
        starter = RunStarter(
            self.hook,
            adoption,
            request | turn["added"],
            own_token=self.request_id is not None or "requestId" in (self.extra_request or {}),
            start_timeout=seconds("start_timeout", self.start_timeout),
            began=turn["began"],
            since=datetime.fromisoformat(turn["since"]),
            pauses=turn["pauses"],
        )
        # Airflow 3.0 to 3.2 count the start of a task anew whenever it is resumed; earlier releases did not carry it.
        deadline = turn.get("deadline", self.limits(context).execution_timeout)
        while True:
            self._check_deadline(deadline, time(), turn.get("refused"))
            try:
                answer = starter.send()
                self.mark_held(context, self._held_part(answer))
                if starter.is_old(answer):
                    self._held = None  # what is older is not this task's to cancel
                    answer = starter.another(answer)
                    self.mark_held(context, self._held_part(answer))
                return answer
            except (Throttled, QuotaExceeded) as refused:
                pause = starter.pause(refused)
                turn |= {"pauses": starter.pauses, "refused": str(refused)}
                self._check_deadline(deadline, time() + pause, turn["refused"])
                if self.deferrable:
                    self._defer_pause(context, pause, "start_again", turn=turn)
                sleep(pause)

    def _check_deadline(self, deadline: float | None, sent: float, refused: str | None) -> None:
        """Start nothing that would be cancelled at once, because ``execution_timeout`` of a deferred task is over.

        :param deadline: the Unix time at which it is over
        :param sent: the Unix time at which the request is sent next
        :param refused: what AWS answered last
        """
        if deadline is not None and self.execution_timeout and sent >= deadline:
            allowed = self.execution_timeout.total_seconds()
            raise StartTimeout(allowed, refused, self.resource.title, "execution_timeout")

    def _defer_pause(self, context: Context, pause: float, method_name: str, **carried: Any) -> None:
        from airflow_provider_omics.triggers.pause import PauseTrigger

        trigger = PauseTrigger(until=time() + pause, try_number=context["ti"].try_number, carried=carried)
        self.defer(trigger=trigger, method_name=method_name)

    def start_again(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Send the start again when its turn may have come."""
        if event["try_number"] == context["ti"].try_number:  # see end_in()
            self._turn = event["carried"]["turn"]
        return self.execute(context)

    # --- following

    def _arn(self, found: Mapping[str, Any]) -> str | None:
        return found.get("arn") if self.airflow_tags else None

    def _held_part(self, found: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": found["id"], "arn": self._arn(found), "uuid": found.get("uuid")}

    def _cancel(self, found: Mapping[str, Any], why: str) -> None:
        killing.cancel(self.hook, self.resource, self.resource.identifiers_in(found), self._arn(found), why)

    def _follow(self, context: Context, found: Mapping[str, Any]) -> dict[str, Any]:
        self._persist_links(context, found)
        return self.wait(context, self._held_part(found)) if self.wait_for_completion else self._result(found)
