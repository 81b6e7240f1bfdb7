"""The table of the benchmark of deferred waits."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from operator import attrgetter


@dataclass
class Result:
    """What was measured of the waits of one process; a figure that was not is None."""

    memory: float = 0.0
    """Bytes of each wait."""
    blocked_at_start: float = 0.0
    """The longest time in seconds that the event loop was blocked before the first look."""
    blocked_later: float = 0.0
    """The same from then on."""
    cpu: float = 0.0
    """Seconds of CPU until the second look."""
    calls: int | None = None
    """How many from one look to the next."""
    delays: list[float] = field(default_factory=list)
    """Seconds from an end to its event."""
    ended: int = 0
    """How many waits ended, each with the event of its run."""
    burst: float | None = None
    """Seconds until half of the waits had ended, whose runs ended together."""


@dataclass(frozen=True)
class Row:
    """One line of the table; lower figures are better."""

    title: str
    unit: str
    theirs: float | None
    ours: float
    target: float
    share: float | None = None
    """The most that ours may be of theirs."""

    @property
    def held(self) -> bool:
        """Whether the target is reached."""
        return self.ours <= self.target and (not self.share or self.ours <= self.share * (self.theirs or 0.0))

    def __str__(self) -> str:
        theirs, ours = "" if self.theirs is None else figure(self.theirs), figure(self.ours)
        ratio = figure(self.theirs / self.ours) if self.theirs else ""
        share = f"1/{1 / self.share:.0f}" if self.share else ""
        limit = f"{self.target:g}" if self.target < float("inf") else ""
        target = " and ".join(filter(None, (limit, share)))
        held = "held" if self.held else "MISSED"
        return f"{self.title:46}{self.unit:>5}{theirs:>16}{ours:>16}{ratio:>8}  {target:13}{held}"


def figure(value: float) -> str:
    """Return a number with three digits, or more before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(
    waits: int, delay: float, theirs: Sequence[Result], ours: Sequence[Result], many: Result, throttled: int
) -> tuple[str, bool]:
    """Return the table, and whether every target is reached."""

    def median(results: Sequence[Result], name: str) -> float:
        values: list[float] = [value for value in map(attrgetter(name), results) if value is not None]
        return statistics.median(values)

    def delays(results: Sequence[Result], pick: Callable[[list[float]], float]) -> float:
        return pick([each for result in results for each in result.delays])

    def row(title: str, unit: str, name: str, target: float, share: float | None = None, scale: float = 1.0) -> Row:
        return Row(title, unit, median(theirs, name) * scale, median(ours, name) * scale, target, share)

    never = float("inf")
    rows = [
        row("memory of each wait", "kB", "memory", 20, 1 / 25, scale=1e-3),
        row("event loop blocked, until the first look", "ms", "blocked_at_start", 250, scale=1e3),
        row("event loop blocked, from then on", "ms", "blocked_later", 50, scale=1e3),
        row(f"CPU in the first {delay:g} s", "s", "cpu", never, 1 / 15),
        row(f"API calls in {delay:g} s", "", "calls", 15),
        Row("from an end to its event, median", "s", delays(theirs, statistics.median),
            delays(ours, statistics.median), delay + 5),
        Row("from an end to its event, longest", "s", delays(theirs, max), delays(ours, max), delay + 5),
        row(f"until the events of {waits // 2} ends at once", "s", "burst", 150),
        Row(f"memory of each of {10 * waits:,} waits", "kB", None, many.memory * 1e-3, 8),
        Row("answers 429 to two processes side by side", "", None, throttled, 0),
    ]  # fmt: skip
    head = (
        f"{waits:,} deferred runs, looked at every {delay:g} s; medians of {len(ours)} fresh processes; "
        f"{os.cpu_count()} cores, Python {platform.python_version()},\n"
        f"Airflow {version('apache-airflow')}, amazon provider {version('apache-airflow-providers-amazon')}"
    )
    columns = f"{'':51}{'amazon pattern':>16}{'this provider':>16}{'ratio':>8}  target"
    bursts = [result.burst for result in ours if result.burst is not None]
    foot = (
        f"{waits // 2} ends at once, each round: {', '.join(f'{burst:.0f} s' for burst in bursts)}\n"
        f"{sum(each.ended for each in [*theirs, *ours, many]):,} ends, each told once"
    )
    return "\n".join([head, columns, *map(str, rows), foot]), all(each.held for each in rows)
