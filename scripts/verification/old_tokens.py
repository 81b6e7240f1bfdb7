"""Questions about request tokens that were used long ago: they cost nothing but time."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow_provider_omics.emulator.assumptions import questions
from verification.account import Account, Unanswered
from verification.questions import repeated

AGES = (60, 300, 600, 900, 3600, 28_800, 86_400)
"""The ages in seconds at which an old request token is tried, as far as the verification may take so long."""


def ages(longest: float) -> list[int]:
    """Return the ages that are tried, in their order.

    :param longest: the greatest age in seconds that is tried.
    """
    return [age for age in AGES if age <= longest]


class OldTokens:
    """Requests that are sent again at several ages, each with a token of its own, when a question first needs them.

    :param longest: the greatest age in seconds that is tried.
    """

    def __init__(self, account: Account, longest: float) -> None:
        self._account, self._ages = account, ages(longest)

    def token_seconds(self) -> float | None:
        """Return the first age at which a token was not answered as a new one; None if each was.

        :raises Unanswered: if no age is tried, or tokens mean nothing.
        """
        return self._expired[0] if self._expired else None

    def token_expired(self) -> str:
        """Return the word for the answer at that age.

        :raises Unanswered: if there is no such age.
        """
        if not self._expired:
            raise Unanswered(f"no token expired within {self._ages[-1]} seconds")
        return self._expired[1]

    @cached_property
    def _expired(self) -> tuple[int, str] | None:
        account = self._account
        if not self._ages:
            raise Unanswered(f"no age is tried; the least is {AGES[0]} seconds")
        fresh = self._repeated(*self._sent("age-0"))
        if fresh == "off":
            raise Unanswered("the same request with the same requestId makes a new resource at once")
        sent = {age: (self._sent(f"age-{age}"), account.monotonic()) for age in self._ages}
        for age, (request_and_answer, since) in sent.items():
            account.sleep(max(0.0, age - (account.monotonic() - since)))
            word = self._repeated(*request_and_answer)
            if word == fresh:
                continue
            if word not in questions()["token_expired"].answers:
                raise Unanswered(f"after {age} seconds the same request was answered: {word}")
            return age, word
        return None

    def _sent(self, suffix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        request = self._account.cache(suffix)
        return request, self._account.call("CreateRunCache", **request)

    def _repeated(self, request: dict[str, Any], first: dict[str, Any]) -> str:
        again = repeated(self._account, "CreateRunCache", request, first)
        return again if isinstance(again, str) else "replay"
