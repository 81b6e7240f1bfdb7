"""What a fault is, and what most of them end with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.faults.cases import Case
from tests.limit import LIMIT_SECONDS

Mode = Literal["sync", "deferred"]
Names = Literal["own", "author"]

LATE_SECONDS = LIMIT_SECONDS
"""How late an answer is that nobody lives to see."""


@dataclass(frozen=True)
class Row:
    """One fault.

    :param title: for the table
    :param script: what happens to each case
    :param modes: in which modes
    :param arguments: the operator's
    :param samples: what the task is mapped over, if there are several
    :param together: whether the cases disturb all of Airflow, so that the row has it for itself
    """

    title: str
    script: Callable[[Case], None]
    modes: tuple[Mode, ...] = ("sync", "deferred")
    names: tuple[Names, ...] = ("own",)
    arguments: dict[str, Any] = field(default_factory=dict)
    samples: tuple[str, ...] = ("NA12878",)
    together: bool = False

    @property
    def word(self) -> str:
        """Its name in ids."""
        return self.script.__name__

    @property
    def is_long(self) -> bool:
        """Whether its cases wait for a real time to pass, so that they had better begin before the others."""
        return "execution_timeout" in self.arguments

    def cases(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """Yield the DAG id and the operator's arguments of each case."""
        for mode in self.modes:
            for names in self.names:
                name = {"name": "cohort"} if names == "author" else {}
                fixed = {"deferrable": mode == "deferred", "retries": 5, **name}
                yield f"{self.word}__{mode}__{names}", fixed | self.arguments


ROWS: dict[str, Row] = {}


def fault(title: str, **more: Any) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Make a function a fault: ``@fault("worker killed", modes=("sync",))``."""

    def keep(script: Callable[[Case], None]) -> Callable[[Case], None]:
        row = Row(title, script, **more)
        ROWS[row.word] = row
        return script

    return keep


BOTH: tuple[Names, ...] = ("own", "author")


def adopted(case: Case) -> None:
    """See the next try wait for the run that there is, and take its result."""
    case.waits(2)
    case.complete()
    case.ends()


def kill_before_the_answer(case: Case) -> None:
    """Kill the worker when AWS has started the run, and the worker does not know it."""
    case.faults.slow("StartRun", seconds=LATE_SECONDS, times=1)
    case.trigger()
    case.until("StartRun is accepted", lambda: case.runs)
    case.kill(case.process())
