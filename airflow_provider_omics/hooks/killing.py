"""May what a killed task waits for be cancelled? The same rule in a worker and in the triggerer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import AirflowTaskTimeout, task_state
from airflow_provider_omics.exceptions import Conflict, OmicsError, Throttled, ValidationFailed
from airflow_provider_omics.hooks.waiting import own
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

OVER = {
    "failed": "failed",
    "success": "marked as succeeded",
    "skipped": "skipped",
    "removed": "removed",
    "upstream_failed": "failed upstream",
    "restarting": "cleared",
    None: "cleared",
}
"""The states in which Airflow itself says that a try is over for good, in words; None: cleared, not yet scheduled."""

WORKER_SECONDS = 50.0
"""How long a worker that is killed goes on trying: it is killed for good 60 s after the signal (Celery, and Airflow 2's
``killed_task_cleanup_time``). Where Airflow 3 is told that the state of a running task was changed, it waits 5 s."""

LIMIT_SECONDS = 240.0
"""How long a worker goes on trying whose time is over, and which nobody kills."""

LONGEST_PAUSE_SECONDS = 5.0
"""The longest pause before a call is repeated."""

TRY_ENDED = "airflow_try_ended"
"""The tag that tells later tries that Airflow gave this one up."""

LIMIT_OVER = " is over"
"""What its value ends with where a limit of this task's own was the reason."""


def why_over(hook: OmicsHook, task: Any, *, last_try: bool) -> str | None:
    """Return in words why the try of a task instance is over for good, or None if it is not, or nobody can tell.

    A worker gets the same signal when a person ends the task, when a deployment shrinks and when a queue delivers a
    message twice; a trigger is cancelled in the same way when a person ends the task and when triggerers share their
    work anew. Only the state in Airflow's database tells these apart.

    :param task: the task instance, in whatever form the version of Airflow gives
    :param last_try: whether no try is left that could go on
    """
    try:
        state = task_state(task.dag_id, task.run_id, task.task_id, getattr(task, "map_index", -1))
    except Exception as error:  # whatever Airflow raises here: the run is worth more than the answer
        hook.log.warning(
            "Whether the task was ended for good is unknown (%s: %s)", type(error).__name__, one_line(error)
        )
        return None
    hook.log.info("The state of the task instance is %s", state)
    if last_try and state == "running":
        return "killed on its last try"
    return OVER.get(state)


@dataclass
class Ending:
    """End what a task waited for, and leave word of it for later tries.

    :meth:`cancel` and :meth:`tag` make their calls one by one, and yield the seconds to pause before the next: a worker
    sleeps them, a triggerer awaits them. Hundreds of tasks may be ended at a time, and AWS allows ten CancelRun a
    second in the whole account (https://docs.aws.amazon.com/omics/latest/dev/api-quotas.html). So whatever may pass is
    repeated, with jitter.

    :param hook: makes the calls, each once
    :param resource: the record of what was waited for
    :param identifiers: which one
    :param arn: its ARN; None where it carries no tags of ours
    :param why: why the try has ended, in words
    :param seconds: how long calls are repeated, those of both steps together
    :param uuid: its uuid, if it is known
    """

    hook: OmicsHook
    resource: Resource
    identifiers: Mapping[str, str]
    arn: str | None
    why: str
    seconds: float = WORKER_SECONDS
    uuid: str | None = None
    accepted: bool = field(default=False, init=False)
    """Whether AWS has accepted to cancel it."""
    settled: Mapping[str, Any] | None = field(default=None, init=False)
    """Its description, if it had come to its end, or was about to, before it could be cancelled."""
    error: OmicsError | None = field(default=None, init=False)
    """Why it could not be cancelled."""

    def __post_init__(self) -> None:
        self._began, self._paused = monotonic(), 0.0
        self._unsure = False

    def look(self) -> None:
        """Look whether there is anything left to cancel.

        :raises OmicsServiceError: if it cannot be looked at, e.g. because it was deleted
        """
        found = self.hook.look(self.resource, uuid=self.uuid, **self.identifiers)
        if found is not None and self.resource.status_of(found) not in self.resource.progress:
            self._settle(found)

    def cancel(self) -> Iterator[float]:
        """Cancel it."""
        try:
            yield from self._repeated(self._send)
        except OmicsError as error:
            self.error = error
            self.hook.log.warning("%s could not be cancelled: %s", self._which.capitalize(), error)
            return
        if self.settled is not None:
            status = self.resource.status_of(self.settled)
            self.hook.log.warning("%s is %s: there is nothing to cancel", self._which.capitalize(), status)
            return
        self.hook.log.warning(
            "Cancelling %s: %s. AWS saves what had completed to the run cache; what was under way is lost.",
            self._which,
            self.why,
        )

    def tag(self) -> Iterator[float]:
        """Tag it, so that later tries do not go on with it.

        Cancelled comes first and tagged second: a task that is killed in between then fails too early rather than
        paying for a run that nobody waits for.
        """
        if self.arn is None:
            return
        call = partial(self.hook.ask, "TagResource", resourceArn=self.arn, tags={TRY_ENDED: self.why})
        try:
            yield from self._repeated(call)
        except OmicsError as error:
            self.hook.log.warning("%s could not be tagged: %s", self._which.capitalize(), error)

    @property
    def _which(self) -> str:
        return f"{self.resource.title} {'/'.join(self.identifiers.values())}"

    def _repeated(self, call: Callable[[], Any]) -> Iterator[float]:
        from airflow_provider_omics.hooks import errors

        for repeat in count():
            try:
                call()
            except OmicsError as error:
                pause = errors.pause(repeat, longest=LONGEST_PAUSE_SECONDS)
                spent = max(monotonic() - self._began, self._paused)
                if not (isinstance(error, Conflict) or errors.is_passing(error)) or spent + pause > self.seconds:
                    raise
                self._paused += pause
                yield pause
            else:
                return

    def _send(self) -> None:
        """Send the cancellation once.

        :raises Conflict: if AWS refuses it for now: it cancels no batch that is still CREATING
        """
        from airflow_provider_omics.hooks import errors

        assert self.resource.cancel  # noqa: S101 - asked for by the callers
        try:
            self.hook.ask(self.resource.cancel, **self.identifiers)
        except (Conflict, ValidationFailed):  # which of them it answers for what has ended is not documented
            described = self.hook.ask(self.resource.describe, **self.identifiers)
            found = own(self.resource, self.identifiers, described, self.uuid)
            if self.resource.status_of(found) in self.resource.progress:
                raise
            self._settle(found)
        except OmicsError as error:  # after some of which it may have been accepted all the same
            self._unsure |= errors.is_passing(error) and not isinstance(error, Throttled)
            raise
        except AirflowTaskTimeout:  # while the answer was on its way
            self._unsure = True
            raise
        else:
            self.accepted = True

    def _settle(self, found: Mapping[str, Any]) -> None:
        stopped = self.resource.status_of(found) in self.resource.stopping | {"CANCELLED"}
        self.accepted = stopped and (self.accepted or self._unsure)
        self.settled = None if self.accepted else found


def cancel(hook: OmicsHook, resource: Resource, identifiers: dict[str, str], arn: str | None, why: str) -> Ending:
    """Cancel what nobody waits for any more, and leave word of it for later tries, whatever came of the cancellation.

    :param arn: its ARN; None where it carries no tags of ours
    :param why: why the try has ended, in words
    """
    ending = Ending(hook, resource, identifiers, arn, why)
    _take(ending.cancel())
    _take(ending.tag())
    return ending


def cancel_at_limit(ending: Ending) -> None:
    """Cancel what a task has no more time for, unless it has ended meanwhile.

    Only what was cancelled for it is tagged: the next try takes what has completed, and goes on with what goes on.
    Airflow's alarm may interrupt this anywhere; called again with the same ending, it goes on.

    :raises OmicsServiceError: if it cannot be looked at, e.g. because it was deleted
    """
    ending.look()
    if not ending.accepted and ending.settled is None:
        _take(ending.cancel())
    if ending.accepted:
        _take(ending.tag())


def give_up(hook: OmicsHook, resource: Resource, identifiers: dict[str, str], arn: str, why: str) -> None:
    """Leave what a task waited for, with word of it for later tries.

    :param arn: its ARN
    :param why: why the try has ended, in words
    """
    _take(Ending(hook, resource, identifiers, arn, why).tag())


def _take(steps: Iterator[float]) -> None:
    for seconds in steps:
        sleep(seconds)
