"""What earlier tries of a task have started: found again by name and tags, and reattached to only if HealthOmics
describes it as the request does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from airflow_provider_omics.exceptions import AnswerUnreadable, NotFound, OmicsError
from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.hooks.killing import LIMIT_OVER, TRY_ENDED
from airflow_provider_omics.operators import comparison
from airflow_provider_omics.operators.identity import MAX_TRIES, REQUEST, TASK_INSTANCE, TRY_NUMBER, Attempt, digest
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

T = TypeVar("T")

LOOKS = (1.0, 2.0, 4.0, 6.0)
"""Seconds before each further look for what should be there: lists may lag, by how much AWS does not say."""

REPEATS = 8
"""How often a call is made again whose error may pass, in some two minutes: many tasks may retry at the same time."""

PATIENCE_SECONDS = 120.0
"""After how many seconds it is not made again even so: where an endpoint does not answer, one call may take minutes."""

SKEW = timedelta(seconds=60)
"""How far the clocks of Airflow's database and of AWS may be apart."""

MARGIN = timedelta(seconds=10)
"""How far the clocks of AWS's own machines may be apart, and the whole seconds of HTTP dates."""


@dataclass(frozen=True)
class Step:
    """What a try has to do.

    ``go_on``: wait for what is under way; ``take``: it has ended, and its end is this try's; ``await_end``: wait for
    its end, and then look anew; ``start``: start a new one."""

    kind: Literal["start", "go_on", "take", "await_end"]
    found: Mapping[str, Any] | None = None
    cancel: bool = False
    """Whether what is awaited is nobody's any more, and may be cancelled."""
    others: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """What is under way for this task instance, but with another request."""


@dataclass
class Adoption:
    """Find what earlier tries of a task instance have started.

    :param hook: the client
    :param resource: the record of what is started
    :param attempt: this try
    :param request: the members of the creating call
    :param name: the name it gives
    :param own_name: whether the name belongs to this task instance alone; otherwise the tags tell
    :param tagged: whether what is started carries our tags
    """

    hook: OmicsHook
    resource: Resource
    attempt: Attempt
    request: Mapping[str, Any]
    name: str
    own_name: bool
    tagged: bool
    _others: set[str] = field(default_factory=set, init=False, repr=False)
    """The ids of what is not this task's: that never changes, so they are described once."""

    @property
    def request_digest(self) -> str:
        """What stands for the request in the tags: AWS might give parameters back in another form."""
        return digest(comparison.decisive(self.request))

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which later tries recognise what this one starts."""
        return {**self.attempt.tags, REQUEST: self.request_digest} if self.tagged else {}

    def next_step(self, awaited: str | None = None, retry_cancelled: bool = False) -> Step:
        """Look for what is there, and tell what to do.

        Where the try before this one left no trace it is looked for several times: lists may lag.

        :param awaited: the id of the one whose end this try has awaited
        :param retry_cancelled: whether to start again after somebody else cancelled
        :raises OmicsServiceError: if what is there cannot be told, because it may not be listed or an error does not
            pass within minutes: to start then could pay twice
        :raises NoAnswer: if AWS could not be reached for minutes
        """
        for seconds in (0.0, *LOOKS):
            if seconds:
                sleep(seconds)
            found = list(self._find())
            step = self._decide(found, awaited, retry_cancelled)
            if step.kind != "start" or awaited or any(self._is_of_last_try(one) for one in found):
                return step
        return step

    def lost(self, since: datetime) -> Mapping[str, Any] | None:
        """Look several times for what this try may have started by a call whose answer was lost.

        :param since: see :meth:`earliest`
        :raises OmicsServiceError: what AWS answered; throttling and the like only if they do not pass within minutes
        :raises NoAnswer: if AWS could not be reached for minutes
        """
        for seconds in LOOKS:
            sleep(seconds)
            for one in self._find(since):
                mine = one.get("tags", {}).get(TRY_NUMBER) == str(self.attempt.try_number) or not self.tagged
                if mine and self.resource.status_of(one) not in self.resource.ended and self._is_equal(one):
                    return one
        return None

    # --- finding

    def under_way(self) -> Mapping[str, Any] | None:
        """Return what the tries of this ``max_tries`` have under way, if anything."""
        for one in self._find():
            if self._is_current(one) and self.resource.status_of(one) not in self.resource.ended:
                return one
        return None

    def ended(self) -> list[Mapping[str, Any]]:
        """Return what the tries of this ``max_tries`` brought to an end by an equal request, the oldest first.

        What Airflow gave up is among it: what had completed by then is worth as much.
        """
        found = [one for one in self._find() if self._is_of_these_tries(one) and self._is_equal(one)]
        return [one for one in reversed(found) if self.resource.status_of(one) in self.resource.ended]

    def earliest(self) -> datetime:
        """Return a time before which nothing can have been made by the call that comes next.

        By it a new run is told from an older one that an old token is answered with: how long AWS remembers a
        ``requestId`` is not documented, and a DAG run whose id was used before sends the same again. No time that
        has passed on this machine is reckoned with: an emulator's clock may run faster.
        """
        times = [datetime.now(UTC) - SKEW, self.hook.service_time - MARGIN]
        if self.attempt.dag_run_began:
            times.append(self.attempt.dag_run_began - SKEW)
        return max(times)

    def is_replay(self, answer: Mapping[str, Any], since: datetime) -> bool:
        """Tell whether an answer tells of something older than the call, and not of what this very task has started.

        Airflow 2 may execute a try twice, after a late report of a worker that it took for dead.

        :param answer: what a creating call was answered with
        :param since: see :meth:`earliest`
        :raises OmicsServiceError: what AWS answered; throttling and the like only if they do not pass within minutes
        :raises NoAnswer: if AWS could not be reached for minutes
        """
        one = self._described(answer)
        if one["creationTime"] >= since:
            return False
        began = self.attempt.dag_run_began
        of_this_dag_run = began is None or one["creationTime"] >= began - SKEW
        ours = self.tagged and self._is_ours(one) and self._is_current(one) and self._is_equal(one)
        return not (ours and of_this_dag_run)

    def _find(self, since: datetime | None = None) -> Iterator[dict[str, Any]]:
        """Yield the descriptions of what this task instance has started, the newest first.

        How AWS's filter matches names is not documented, so they are compared here.

        :param since: then nothing older counts where only the name tells
        """
        told = self.own_name or self.tagged
        if not told and since is None:
            return  # nothing would tell it from what others have started
        listed = self._patiently(lambda: list(self.hook.iterate(self.resource.list, name=self.name)))
        items = [item for item in listed if item.get("name") == self.name and item["id"] not in self._others]
        if not told and since is not None:
            items = [item for item in items if item[self.resource.listed_time] >= since]
        if self.attempt.dag_run_began:  # a DAG run's id may have been used before
            earliest = self.attempt.dag_run_began - SKEW
            items = [item for item in items if item[self.resource.listed_time] >= earliest]
        for item in sorted(items, key=lambda item: (item[self.resource.listed_time], item["id"]), reverse=True):
            try:
                one = self._described(item)
            except NotFound:  # deleted since it was listed
                continue
            except AnswerUnreadable as error:  # no request of this package nests parameters so deeply
                self.hook.log.warning("%s %s is left alone: %s", self.resource.title.capitalize(), item["id"], error)
                self._others.add(item["id"])
                continue
            if self.tagged and not self._is_ours(one):
                if TASK_INSTANCE in one.get("tags", {}):
                    self._others.add(item["id"])
            elif self._is_copy(one):
                self._others.add(item["id"])
            else:
                yield one

    def _described(self, one: Mapping[str, Any]) -> dict[str, Any]:
        return self._patiently(partial(self.hook.describe, self.resource, **self.resource.identifiers_in(one)))

    def _patiently(self, call: Callable[[], T]) -> T:
        """Make a reading call, and make it again while it meets errors that may pass."""
        from airflow_provider_omics.hooks import errors

        began = monotonic()
        for repeat in range(REPEATS):
            try:
                return call()
            except OmicsError as error:
                if not errors.is_passing(error) or monotonic() - began >= PATIENCE_SECONDS:
                    raise
                seconds = errors.pause(repeat)
                self.hook.log.warning(
                    "What was started before is not known yet; it is looked for again in %.1f s: %s", seconds, error
                )
                sleep(seconds)
        return call()

    # --- deciding

    def _decide(self, found: Iterable[Mapping[str, Any]], awaited: str | None, retry_cancelled: bool) -> Step:
        found = list(found)
        under_way = [one for one in found if self.resource.status_of(one) not in self.resource.ended]
        mine = [one for one in under_way if self._is_current(one)]
        equal = [one for one in mine if self._is_equal(one)]
        for one in equal:
            if self.resource.status_of(one) in self.resource.progress:
                return Step("go_on", one)
        if equal:
            return Step("await_end", equal[0])
        for one in under_way:
            if one not in mine:
                return Step("await_end", one, cancel=self.resource.status_of(one) in self.resource.progress)
        others = tuple(one for one in mine if self.resource.status_of(one) in self.resource.progress)
        ended = (one for one in found if one not in under_way and self._is_current(one) and self._is_equal(one))
        if (last := next(ended, None)) is not None:
            status = self.resource.status_of(last)
            somebody_s_wish = status in CANCELLED and last["id"] != awaited and not retry_cancelled
            # No try has seen the end of it, unless the task was cleared, after what was wrong may have been mended.
            unseen = not reason_of(last.get("failureReason")).heals and self.attempt.dag_run_began is not None
            if status in self.resource.succeeded or somebody_s_wish or unseen:
                return Step("take", last, others=others)
        return Step("start", others=others)

    def _is_ours(self, one: Mapping[str, Any]) -> bool:
        return bool(one.get("tags", {}).get(TASK_INSTANCE) == self.attempt.task.digest)

    def _is_current(self, one: Mapping[str, Any]) -> bool:
        """Tell whether it belongs to the tries of this ``max_tries``, and Airflow did not give it up.

        What has completed although a limit of ours told AWS to cancel it is as good as any.
        """
        tags = one.get("tags", {})
        succeeded = self.resource.status_of(one) in self.resource.succeeded
        in_time = succeeded and tags.get(TRY_ENDED, "").endswith(LIMIT_OVER)
        given_up = (TRY_ENDED in tags and not in_time) or (
            self.attempt.follows_clearing and tags.get(TRY_NUMBER) != str(self.attempt.try_number)
        )
        return not given_up and self._is_of_these_tries(one)

    def _is_of_these_tries(self, one: Mapping[str, Any]) -> bool:
        max_tries = str(self.attempt.max_tries)
        return bool(one.get("tags", {}).get(MAX_TRIES, max_tries) == max_tries)

    def _is_of_last_try(self, one: Mapping[str, Any]) -> bool:
        last = str(self.attempt.try_number - 1)
        return bool(one.get("tags", {}).get(TRY_NUMBER, last) == last)

    def _is_equal(self, one: Mapping[str, Any]) -> bool:
        """Tell whether it is what is asked for: nobody gets another sample's result."""
        return self._claims_to_be_equal(one) and not self.differences(one)

    def _claims_to_be_equal(self, one: Mapping[str, Any]) -> bool:
        """Tell whether its tag stands for this request, or it has none."""
        return bool(one.get("tags", {}).get(REQUEST, self.request_digest) == self.request_digest)

    def differences(self, one: Mapping[str, Any]) -> dict[str, str]:
        """Return what its description contradicts in the request, each in words: name and tags can be copied."""
        raise NotImplementedError

    def _is_copy(self, one: Mapping[str, Any]) -> bool:
        """Tell whether only its name and tags are this task's, and log what differs; such a one is never cancelled.

        What an earlier try started with another request has a tag that says so.
        """
        differing = self.differences(one) if self._claims_to_be_equal(one) else {}
        if differing:
            title, what = self.resource.title, "name and tags" if self.tagged else "name"
            found = title.capitalize(), one["id"], what, title, one_line("; ".join(differing.values()))
            self.hook.log.warning("%s %s has the %s of this task's %s, but %s. It is left alone and not used.", *found)
        return bool(differing)


CANCELLED = frozenset({"CANCELLED", "DELETED"})
"""The statuses that somebody's wish leads to, not a fault."""
