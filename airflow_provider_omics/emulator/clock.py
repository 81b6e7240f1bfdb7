"""Time, as the emulator sees it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

_FASTEST = 1e6
_END = datetime(9000, 1, 1, tzinfo=UTC)
"""How far a clock can be moved. Python's dates end with the year 9999, and what falls due after it needs room, too."""

LONGEST = 366 * 86_400.0
"""How long something of the emulator may take, in seconds."""


def check_duration(name: str, seconds: float) -> None:
    """Raise :class:`ValueError` if something cannot take that long.

    :param name: what is checked, as its author wrote it.
    """
    if not 0 <= seconds <= LONGEST:  # which NaN is not, either
        raise ValueError(f"{name} must be from 0 to {LONGEST:.0f} seconds, not {seconds}.")


class Clock:
    """Tell the time, faster than real time or only when told to.

    :param speed: emulated seconds in one real second, up to a million.
    :param start: the time at which the clock starts; by default the real time. Without a zone it is taken as UTC.
    :param frozen: move by :meth:`advance` only.
    """

    def __init__(self, *, speed: float = 1.0, start: datetime | None = None, frozen: bool = False) -> None:
        if not 0 < speed <= _FASTEST:
            raise ValueError(
                f"A clock's speed must be above 0 and up to {_FASTEST:.0f}, not {speed}; frozen=True stops it."
            )
        start = start or datetime.now(UTC)
        self._start = start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
        self._speed = 0.0 if frozen else speed
        self._began = time.monotonic()
        self._advanced = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        with self._lock:
            return self._now()

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what falls due in between happens in its order, each at its own time.

        :raises ValueError: if it would go back, or beyond the year 8999.
        """
        with self._lock:
            most = (_END - self._now()).total_seconds()
            if not 0 <= seconds <= most:  # which NaN is not, either
                rule = f"cannot be moved back, nor beyond the year {_END.year - 1}"
                raise ValueError(f"A clock {rule}: by 0 to {most:.0f} seconds, not {seconds}.")
            self._advanced += seconds

    def _now(self) -> datetime:
        elapsed = (time.monotonic() - self._began) * self._speed + self._advanced
        return self._start + timedelta(seconds=elapsed)
