"""Time, as the emulator sees it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tell the time, faster than real time or only when told to.

    :param speed: emulated seconds in one real second.
    :param start: the time at which the clock starts; by default the real time. Without a zone it is taken as UTC.
    :param frozen: move by :meth:`advance` only.
    """

    def __init__(self, *, speed: float = 1.0, start: datetime | None = None, frozen: bool = False) -> None:
        if speed <= 0:
            raise ValueError(f"A clock's speed must be above 0, not {speed}; frozen=True stops it.")
        start = start or datetime.now(UTC)
        self._start = start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
        self._speed = 0.0 if frozen else speed
        self._began = time.monotonic()
        self._advanced = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        with self._lock:
            elapsed = (time.monotonic() - self._began) * self._speed + self._advanced
        return self._start + timedelta(seconds=elapsed)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what falls due in between happens in its order, each at its own time."""
        if seconds < 0:
            raise ValueError(f"A clock cannot be moved back ({seconds} seconds).")
        with self._lock:
            self._advanced += seconds
