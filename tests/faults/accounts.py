"""What a fault cost: counted from the emulator's own records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from airflow_provider_omics.emulator.records import Run

HEADINGS = ("cases", "started", "needed", "orphaned", "wrongly adopted", "cancelled unasked", "minutes again")


@dataclass
class Account:
    """The runs of one or several cases of a fault.

    An orphan is a run that costs money and that no task took its result from: it completed, or goes on.
    """

    cases: int = 0
    started: int = 0
    needed: int = 0
    orphaned: int = 0
    wrongly_adopted: int = 0
    cancelled_unasked: int = 0
    minutes_again: float = 0.0
    errors: list[str] = field(default_factory=list)

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def cells(self) -> tuple[str, ...]:
        """The figures in the order of the headings."""
        return (*(str(getattr(self, each.name)) for each in fields(self)[:6]), f"{self.minutes_again:.1f}")


@dataclass(frozen=True)
class Taken:
    """The result that Airflow has of a task instance, and the sample that it is meant to be of."""

    uuid: str
    sample: str


def account(runs: Sequence[Run], taken: Iterable[Taken], *, needed: int, cancelled: int, left: int) -> Account:
    """Count the runs of a case.

    :param runs: what was started for it, the oldest first
    :param taken: what Airflow took for results, again for every time that a task instance succeeded
    :param needed: how many runs there must be
    :param cancelled: how many a person, or a deadline, wanted cancelled
    :param left: how many an author wanted left alone
    """
    by_uuid = {str(run.members["uuid"]): run for run in runs}
    results = list(taken)
    uuids = [result.uuid for result in results]
    right = [
        result
        for number, result in enumerate(results)
        if result.uuid in by_uuid
        and by_uuid[result.uuid].members["parameters"] == {"sample": result.sample}
        and result.uuid not in uuids[:number]
    ]
    untaken = [run for uuid, run in by_uuid.items() if uuid not in uuids]
    return Account(
        cases=1,
        started=len(runs),
        needed=needed,
        orphaned=max(0, sum(run.status not in ("FAILED", "CANCELLED") for run in untaken) - left),
        wrongly_adopted=len(results) - len(right),
        cancelled_unasked=max(0, sum(run.status == "CANCELLED" for run in runs) - cancelled),
        minutes_again=_seconds_again(runs) / 60,
    )


def _seconds_again(runs: Iterable[Run]) -> float:
    """Return how long tasks were computed although a run that had ended before had computed the same.

    By the key that the cache knows; AWS saves when a run ends, so that nothing can be had from one under way.
    """
    saved: dict[str, datetime] = {}
    seconds = 0.0
    for run in runs:
        computed = [task for task in run.tasks if task.status == "COMPLETED" and not task.entry]
        for task in computed:
            if task.key.digest in saved and saved[task.key.digest] <= task.members["creationTime"]:
                seconds += (task.members["stopTime"] - task.members["startTime"]).total_seconds()
        if "stopTime" in run.members:
            saved |= {task.key.digest: run.members["stopTime"] for task in computed}
    return seconds


def table(rows: dict[str, Account], heading: str) -> list[str]:
    """Return the lines of the table: one for each fault."""
    width = max(len(fault) for fault in (heading, *rows))
    lines: list[Any] = [(heading, HEADINGS), *((fault, account.cells) for fault, account in rows.items())]
    return [
        f"{fault:{width}}  " + "  ".join(f"{cell:>{len(name)}}" for cell, name in zip(cells, HEADINGS, strict=True))
        for fault, cells in lines
    ]
