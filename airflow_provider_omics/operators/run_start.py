"""A start that takes effect exactly once within one try, however AWS answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from time import time
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import OutcomeUnknown, QuotaExceeded, StartTimeout, Throttled
from airflow_provider_omics.operators.adoption import Adoption
from airflow_provider_omics.operators.identity import token

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

SENDS = 3
"""How often a start whose answers are lost is sent, always with the same token."""

QUICK_REPEATS = 2
"""How often a throttled start is sent again at once, before its turn is waited for."""

FIRST_PAUSE_SECONDS, PAUSE_GROWTH, LONGEST_PAUSE_SECONDS = 15.0, 1.3, 180.0
"""AWS allows 0.1 to 5 StartRun a second. Longer pauses leave starts unused when only a few still wait for their turn;
shorter ones fill the workers. With these, 200 starts in ten worker slots use seven tenths and more of 0.1 and of 1
start a second, and at 0.1 leave about half of the slots free: ``tests/test_many_starts.py`` simulates it. None is below
10 s: Airflow's worker may take 5 s to end after a deferral, and its scheduler fails a task that is resumed sooner."""


@dataclass
class RunStarter:
    """Start one run, or one batch of runs.

    :param hook: the client
    :param adoption: what is started, and how it is found again
    :param request: the checked members of the creating call
    :param own_token: whether the author gave the ``requestId``: then no other is tried
    :param start_timeout: seconds for which a refused start waits for its turn; None means no limit
    :param began: the Unix time at which this try first sent the request
    :param since: a time of the service before which nothing of this try was started
    :param pauses: how often its turn was waited for
    """

    hook: OmicsHook
    adoption: Adoption
    request: Mapping[str, Any]
    own_token: bool
    start_timeout: float | None
    began: float
    since: datetime
    pauses: int = 0

    def send(self) -> Mapping[str, Any]:
        """Send the request; where the answer is lost, look for what it made before sending again.

        The token is the same every time.

        :returns: the answer, or the description of what was started
        :raises Throttled: if it is not this start's turn
        :raises QuotaExceeded: if a quota is used up
        :raises OutcomeUnknown: if every answer was lost and nothing is to be found, or it could not be looked for
        """
        for attempt in range(1, SENDS + 1):
            try:
                return self.hook.create(self._operation, repeats=QUICK_REPEATS, **self.request)
            except OutcomeUnknown as unknown:
                self.hook.log.warning("%s Looking for the %s.", unknown, self._title)
                try:
                    found = self.adoption.lost(self.since)
                except Throttled as throttled:  # the look was, not the start: that may have made something
                    raise unknown from throttled
                if found:
                    self.hook.log.info("%s %s was started all the same", self._title.capitalize(), found["id"])
                    return found
                if attempt == SENDS:
                    raise
        raise AssertionError("unreachable")

    def is_old(self, answer: Mapping[str, Any]) -> bool:
        """Tell whether an answer tells of something older of the same token, which is not to be gone on with.

        :raises OmicsError: if it cannot be looked at; the next try finds what was started
        """
        if not self._is_replay(answer):
            return False
        if self.own_token:
            self.hook.log.warning("request_id %s has been used before, for %s %s", *self._replayed(answer))
        return not self.own_token

    def another(self, old: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send the request with another token, once; see :meth:`send`.

        :param old: what the first token was answered with
        :raises OutcomeUnknown: if the answer to the other token tells of an older one, too
        """
        self.hook.log.warning("Token %s has been used before, for %s %s; another one is sent", *self._replayed(old))
        self.request = {**self.request, "requestId": token(self.request["requestId"], old["id"])}
        again = self.send()
        if self._is_replay(again):
            cause = f"it was answered with {self._title} {again['id']}, which is older than the call"
            raise OutcomeUnknown(self._operation, self.request["requestId"], cause)
        return again

    @property
    def _operation(self) -> str:
        return str(self.adoption.resource.create)

    @property
    def _title(self) -> str:
        return self.adoption.resource.title

    def _replayed(self, answer: Mapping[str, Any]) -> tuple[str, str, str]:
        return self.request["requestId"], self._title, answer["id"]

    def _is_replay(self, answer: Mapping[str, Any]) -> bool:
        try:
            return self.adoption.is_replay(answer, self.since)
        except Throttled as throttled:  # the look was, not the start: to send that again could start a second one
            raise OutcomeUnknown(self._operation, self.request["requestId"], str(throttled)) from throttled

    def pause(self, refused: Throttled | QuotaExceeded) -> float:
        """Return the seconds to wait for the next turn: ever longer, the upper third at random.

        :raises StartTimeout: if ``start_timeout`` is over
        """
        waited = time() - self.began
        if self.start_timeout is not None and waited >= self.start_timeout:
            raise StartTimeout(waited, str(refused), self._title) from refused
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * PAUSE_GROWTH ** min(self.pauses, 16))
        self.pauses += 1
        seconds = random.uniform(longest * 2 / 3, longest)  # noqa: S311 - jitter, not a secret
        if self.start_timeout is not None:
            seconds = min(seconds, max(self.start_timeout - waited, 1.0))
        self.hook.log.info("Not this start's turn (%s); it is sent again in %.0f s", refused.code, seconds)
        return seconds
