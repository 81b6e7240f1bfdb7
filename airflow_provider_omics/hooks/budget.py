"""How many requests a second a process makes of one operation, whatever waits in it."""

from __future__ import annotations

import random
from asyncio import sleep
from time import monotonic

LEAST = 1 / 16
"""The least share of the rate to which throttling narrows it."""

RECOVERY = 1.1
"""By how much an answer widens it again."""


class Budget:
    """Give out turns to make a request, evenly spaced, and fewer of them as long as AWS throttles.

    :param rate: requests a second
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._share = 1.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = monotonic()
        turn = max(now, self._next)
        self._next = turn + 1 / (self.rate * self._share)
        if turn > now:
            await sleep(turn - now)

    def throttled(self) -> None:
        """Take half of the rate; some jitter, so that processes that were throttled together part."""
        self._share = max(self._share / 2, LEAST)
        self._next = max(self._next, monotonic()) + random.uniform(0, 1 / (self.rate * self._share))  # noqa: S311

    def answered(self) -> None:
        """Give some of the rate back."""
        self._share = min(self._share * RECOVERY, 1.0)


_budgets: dict[tuple[str | None, str | None, str], Budget] = {}


def budget_of(aws_conn_id: str | None, region_name: str | None, operation: str, rate: float) -> Budget:
    """Return the budget of an operation, one for all waits of this process in an account and Region.

    :param rate: requests a second
    """
    budget = _budgets.setdefault((aws_conn_id, region_name, operation), Budget(rate))
    budget.rate = rate
    return budget
