"""A bucket of tokens, by which AWS meters the rate of requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class TokenBucket:
    """A bucket that is full at first; each call that goes through takes one token."""

    interval: timedelta
    """In which one token comes back."""
    size: int
    """How many it holds."""
    full: datetime
    """When it is full again, or was; kept in place of a number of tokens, because sums of times are exact."""

    def take(self, now: datetime) -> bool:
        """Return whether there is a token, and take it."""
        until_full = max(self.full - now, timedelta())
        if until_full > self.interval * (self.size - 1):
            return False
        self.full = now + until_full + self.interval
        return True
