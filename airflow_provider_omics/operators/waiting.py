"""What all operators that wait share: the only place that waits, defers, runs out of time and is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from airflow_provider_omics.compat import TRIGGER_FAILED, TRIGGER_TIMEOUTS, AirflowTaskTimeout, conf, current_context
from airflow_provider_omics.exceptions import (
    SERVICE_ERRORS,
    OmicsError,
    OmicsInputError,
    OmicsServiceError,
    WaitTimeout,
)
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.resources import RESOURCES, Resource

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

DEFERRABLE: bool = conf.getboolean("operators", "default_deferrable", fallback=False)

MARGIN_SECONDS = 10.0
"""How much earlier than Airflow a deferred wait gives up: Airflow would end it without a word to us."""


def seconds(argument: str, value: float | timedelta | None) -> float | None:
    """Return a duration in seconds.

    :raises OmicsInputError: if it is not above 0
    """
    if value is None:
        return None
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if number <= 0:
        raise OmicsInputError(argument, f"must be above 0 seconds, not {value!r}.")
    return number


class Held(NamedTuple):
    """What a kill of a process may have to cancel."""

    context: Context
    identifiers: dict[str, str]
    arn: str | None
    uuid: str | None


class OmicsWaitingOperator(OmicsBaseOperator):
    """Create a resource and wait for its end.

    :param wait_for_completion: whether to wait for the end; otherwise the task ends when AWS has accepted
    :param deferrable: wait in the triggerer, without a worker slot; by default ``[operators] default_deferrable``
    :param waiter_delay: the longest time between two looks, in seconds, by default 30; it doubles from 3
    :param waiter_max_attempts: how many looks at most; None, the default, means no limit
    :param cancel_on_kill: cancel the resource when the task is ended for good: by a person who fails, succeeds or
        clears it, or by a kill on its last try. Whatever else stops the task leaves it, and the next try goes on with
        it
    :param on_timeout: ``cancel`` or ``leave`` what is waited for when time runs out; what is left is taken up by a
        retry
    """

    resource: ClassVar[Resource]

    def __init__(
        self,
        *,
        wait_for_completion: bool = True,
        deferrable: bool = DEFERRABLE,
        waiter_delay: int | None = None,
        waiter_max_attempts: int | None = None,
        cancel_on_kill: bool = True,
        on_timeout: Literal["cancel", "leave"] = "cancel",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.cancel_on_kill = cancel_on_kill
        self.on_timeout = on_timeout
        self._held: Held | None = None
        self._ending: killing.Ending | None = None
        self._asking = False
        self._hinted = False

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse a wait that would look without a pause, or never."""
        if self.waiter_delay is not None and self.waiter_delay <= 0:
            raise OmicsInputError("waiter_delay", f"must be above 0 seconds, not {self.waiter_delay!r}.")
        if self.waiter_max_attempts is not None and self.waiter_max_attempts < 1:
            raise OmicsInputError("waiter_max_attempts", f"must be 1 or more, not {self.waiter_max_attempts!r}.")
        if self.on_timeout not in ("cancel", "leave"):
            raise OmicsInputError("on_timeout", f"must be cancel or leave, not {self.on_timeout!r}.")
        self.limits(context)
        return super().request(context)

    # --- waiting

    def limits(self, context: Context) -> Limits:
        """Return when a wait gives up; override to add limits of the resource."""
        return Limits(waiter_max_attempts=self.waiter_max_attempts, execution_timeout=self._deadline(context))

    def _deadline(self, context: Context) -> float | None:
        """Return when a deferred wait must end for ``execution_timeout``, which Airflow itself keeps in a worker."""
        start = getattr(context["ti"], "start_date", None)
        if not (self.deferrable and self.execution_timeout and start):
            return None
        whole = float(self.execution_timeout.total_seconds())
        return float(start.timestamp()) + max(whole - MARGIN_SECONDS, whole / 2)

    def wait(self, context: Context, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the end of what was created, in this process or, deferred, in the triggerer, and return the
        result."""
        return self.outcome(context, self.end_of(context, answer, self.limits(context), "execute_complete"))

    def end_of(self, context: Context, answer: Mapping[str, Any], limits: Limits, method_name: str) -> dict[str, Any]:
        """Wait, and return the description of what has ended.

        :param answer: what carries identifiers and, if later tries are to know of a kill, the ARN
        :param method_name: the method that goes on after a deferral, with the trigger's event
        """
        identifiers = self.resource.identifiers_in(answer)
        delay = self.resource.poll_seconds if self.waiter_delay is None else self.waiter_delay
        if self.deferrable:
            from airflow_provider_omics.triggers.omics import OmicsTrigger

            self.defer(
                trigger=OmicsTrigger(
                    resource=self.resource.word,
                    identifiers=identifiers,
                    arn=answer.get("arn"),
                    uuid=answer.get("uuid"),
                    waiter_delay=delay,
                    limits=limits.plain(),
                    cancel_on_kill=self.cancel_on_kill,
                    try_number=context["ti"].try_number,
                    **self.connection,
                ),
                method_name=method_name,
            )
        if "AIRFLOW_ENV_NAME" in os.environ and not self._hinted:
            self._hinted = True
            self.log.info(
                "This task waits in a worker. Amazon MWAA hands it to another worker after 12 hours (the visibility "
                "timeout of its queue), and stops workers when it scales in: prefer deferrable=True."
            )
        self.mark_held(context, answer)
        try:
            return self.hook.wait(self.resource, delay=delay, limits=limits, uuid=answer.get("uuid"), **identifiers)
        except WaitTimeout as timeout:
            status, limit = timeout.status, timeout.limit
        return self._out_of_time(self._part_held(context, answer), status, limit)

    def mark_held(self, context: Context, answer: Mapping[str, Any]) -> None:
        """Note what a kill of this process may have to cancel."""
        self._held = self._part_held(context, answer)

    def _part_held(self, context: Context, answer: Mapping[str, Any]) -> Held:
        return Held(context, self.resource.identifiers_in(answer), answer.get("arn"), answer.get("uuid"))

    def end_in(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the description of what has ended, by the trigger's event; None if the event is another try's.

        Airflow 3.0 resumes a retry with the event of the try before it (apache/airflow issue 56704).
        """
        if event["try_number"] != context["ti"].try_number:
            return None
        resource, identifiers = RESOURCES[event["resource"]], event["identifiers"]
        if "error" in event:
            error = event["error"]
            raise SERVICE_ERRORS.get(error["code"], OmicsServiceError)(**error)
        uuid = event.get("uuid")  # which triggers of earlier releases did not tell
        if event["limit"]:
            held = Held(context, identifiers, event["arn"], uuid)
            return self._out_of_time(held, event["status"], event["limit"])
        return self.hook.describe_ended(resource, uuid=uuid, **identifiers)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on where the trigger's event says that the wait has ended."""
        description = self.end_in(context, event)
        return self.execute(context) if description is None else self.result_of(self.outcome(context, description))

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a resource that has ended, or raise the error that its end means."""
        raise NotImplementedError

    # --- running out of time

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Let nothing go on unseen where Airflow ended the wait, because the triggerer was down at the deadline."""
        if next_method == TRIGGER_FAILED and (next_kwargs or {}).get("error") in TRIGGER_TIMEOUTS:
            found = self.find_again(context)
            if found is not None:  # if it ends meanwhile, the next try takes its end
                status = self.resource.status_of(found)
                self._out_of_time(self._part_held(context, found), status, "execution_timeout")
        return super().resume_execution(next_method, next_kwargs, context)

    def find_again(self, context: Context) -> dict[str, Any] | None:
        """Return what this task waits for, if it has not ended: its identifiers, its status, and its ARN if it carries
        tags of ours. Override where it can be found."""
        return None

    def _out_of_time(self, held: Held, status: str | None, limit: str) -> dict[str, Any]:
        """Return the description of what has ended all the same; else cancel or leave it.

        A worker may take a deferred task up long after its limit.

        :param status: its last known status
        :param limit: the argument that set the limit
        :raises WaitTimeout: to say what came of it
        """
        cancelled, problem = False, None
        self._held = held
        if self.on_timeout == "cancel" and self.resource.cancel:
            ending = self._cancel_at_limit(held, limit)
            found, cancelled, problem = ending.settled, ending.accepted, ending.error
        else:
            found = self.hook.look(self.resource, uuid=held.uuid, **held.identifiers)
        if found is not None:
            status = self.resource.status_of(found)
            if status in self.resource.ended:
                return dict(found)
        raise WaitTimeout(
            self.resource.title,
            held.identifiers,
            status,
            limit,
            cancelled=cancelled,
            stopping=status in self.resource.stopping,
            problem=problem,
        )

    def _cancel_at_limit(self, held: Held, limit: str) -> killing.Ending:
        """Cancel what time has run out for, or go on with that where ``execution_timeout`` interrupted it."""
        if self._ending is None or self._ending.identifiers != held.identifiers:
            what, why = (self.hook, self.resource, held.identifiers, held.arn), limit + killing.LIMIT_OVER
            self._ending = killing.Ending(*what, why, killing.LIMIT_SECONDS, held.uuid)
        killing.cancel_at_limit(self._ending)
        return self._ending

    # --- being killed

    def on_kill(self) -> None:
        """Cancel what this task waits for, if Airflow says that the try is over for good."""
        context = self._held.context if self._held else current_context()
        if context is None or not self.resource.cancel:
            return
        timed_out = isinstance(sys.exc_info()[1], AirflowTaskTimeout)  # for which Airflow calls this method too
        if timed_out and self.on_timeout == "leave":
            return
        if self._asking:  # a second signal has interrupted the question of the first one, which goes on afterwards
            return
        why = "execution_timeout is over" if timed_out else self._why_over(context["ti"])
        held = self._held or self._found(context, why)
        if held is not None:
            self._end(held, why, timed_out=timed_out)

    def _why_over(self, ti: Any) -> str | None:
        """Ask Airflow why the try is over for good.

        Airflow 3.3 calls :meth:`on_kill` inside a signal handler. The channel to its supervisor is locked while a
        question is under way, so that a second question would wait for itself.
        """
        self._asking = True
        try:
            return killing.why_over(self.hook, ti, last_try=ti.try_number > ti.max_tries)
        finally:
            self._asking = False

    def _end(self, held: Held, why: str | None, *, timed_out: bool) -> None:
        what = self.hook, self.resource, held.identifiers
        if why is None:
            self.log.warning(
                "The task was stopped, but not ended: %s %s goes on, and the next try goes on with it.",
                self.resource.title,
                "/".join(held.identifiers.values()),
            )
        elif timed_out:
            try:
                self._cancel_at_limit(held, "execution_timeout")
            except OmicsError as error:
                self.log.warning("What became of the %s is unknown: %s", self.resource.title, error)
        elif self.cancel_on_kill:
            killing.cancel(*what, held.arn, why)
        elif held.arn:
            killing.give_up(*what, held.arn, why)

    def _found(self, context: Context, why: str | None) -> Held | None:
        """Return what an earlier process of this task has started, if this one was killed before it knew.

        So it is where the answer of the start was on its way, where a retry was still looking, and where Airflow 2
        ends a deferred task by ``execution_timeout`` without asking for :meth:`execute_complete`.
        """
        found = None
        if why is not None:
            try:
                found = self.find_again(context)
            except OmicsError as error:
                self.log.warning("Whether this task has a %s under way is unknown: %s", self.resource.title, error)
        return self._part_held(context, found) if found else None
