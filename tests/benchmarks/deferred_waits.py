"""Measure deferred waits beside the amazon provider's pattern: ``python -m tests.benchmarks.deferred_waits``.

Both kinds wait for runs of the same emulator, each in fresh processes with an event loop and nothing of Airflow's. Half
of the waits end, some are cancelled and some join late; every end is counted, and one that is missing, doubled or
wrong makes this fail. It takes some twenty minutes, and ``--waits 60 --delay 4 --rounds 1`` one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

from tests.benchmarks.processes import ROOT, Pair, compiled, until
from tests.benchmarks.report import Result, table

AMAZON_PYTHON = ROOT / ".venvs/amazon-pattern/bin/python"
PYTHONS = {"amazon": AMAZON_PYTHON, "omics": Path(sys.executable)}

LOOKS = {"GetRun": 1, "ListRuns": 100}
"""How many runs a call looks at."""
SINGLES = 6
"""How many runs end one by one, spread over the time between two looks."""
MANY_FACTOR, MANY_RATE = 10, 40
"""The stress test: so many times the waits, and so many requests a second, since 5,000 ends take 20 minutes at 4."""
ACCOUNT_RATE = 10.0
"""GetRun, and ListRuns, that AWS allows in a second: https://docs.aws.amazon.com/omics/latest/dev/api-quotas.html."""
QUIET = 1 / 15
"""For which share of the time between two looks no call is made when a sweep is over: calls come 1/4 s apart."""
PATIENCE = 20
"""How many delays an end may take before it counts as lost."""


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    waits: int
    delay: float
    rounds: int


@dataclass
class Round:
    """The waits of one process, from their start to the end of half of them."""

    pair: Pair
    waits: int
    delay: float
    result: Result = field(default_factory=Result)

    def __post_init__(self) -> None:
        (self.process,) = self.pair.processes
        self.late_ones = self.waits // 20
        self.runs = self.pair.emulator.start(self.waits + self.late_ones)
        self.began_with = self.pair.emulator.calls()

    def looks(self) -> int:
        """Return how many runs were looked at."""
        calls = self.pair.emulator.calls()
        return sum(calls[name] * each for name, each in LOOKS.items())

    def start(self) -> None:
        """Start all waits, and measure until each run was looked at."""
        memory, cpu = self.process.memory, self.process.cpu
        self.process.start(self.runs[: self.waits], self.delay)
        sample = Timer(self.delay, lambda: setattr(self.result, "cpu", self.process.cpu - cpu))
        sample.start()
        until("the first look", PATIENCE * self.delay, lambda: self.looks() > 0)
        first_look = time.monotonic()
        sample.join()
        until("every run was looked at", PATIENCE * self.delay, lambda: self.looks() >= self.waits)
        late = self.process.late()
        self.result.blocked_at_start = max((seconds for at, seconds in late if at <= first_look), default=0.0)
        self.result.blocked_later = max((seconds for at, seconds in late if at > first_look), default=0.0)
        self.process.rest()
        self.result.memory = (self.process.memory - memory) / self.waits

    def tick(self) -> None:
        """Count the calls in the time between two looks, from a quiet moment on if there is one."""
        before, moment = self.pair.emulator.calls(), time.monotonic()
        while time.monotonic() < moment + self.delay:
            time.sleep(self.delay * QUIET)
            last, before = before, self.pair.emulator.calls()
            if before == last:
                break
        time.sleep(self.delay)
        self.result.calls = (self.pair.emulator.calls() - before).total()

    def end_half(self, share: float) -> None:
        """Let half of the runs end, and measure how long it takes until their waits do.

        :param share: when most of them end, as a share of the time between two looks
        """
        waiting, joining = self.runs[: self.waits], self.runs[self.waits :]
        cancelled = [run_id for run_id, _ in waiting[-self.late_ones :]]
        singles = [run_id for run_id, _ in waiting[:SINGLES]]
        joined = joining[: self.late_ones // 2]
        burst = [run_id for run_id, _ in [*waiting[SINGLES : SINGLES + self.waits // 2 - len(joined)], *joined]]
        self.process.late()
        self.process.cancel(cancelled)
        self.process.start(joining, self.delay)
        self.result.delays = self._end(singles, pause=self.delay / SINGLES)
        time.sleep(self.delay * share)
        began = time.monotonic()
        self.result.burst = max(self._end(burst + cancelled, reported=burst, since=began))
        self.result.blocked_later = max([self.result.blocked_later, *(seconds for _, seconds in self.process.late())])
        self._check(singles + burst, self.waits + len(joining) - len(cancelled) - len(singles) - len(burst))

    def _end(
        self, ending: list[str], *, reported: list[str] | None = None, since: float | None = None, pause: float = 0.0
    ) -> list[float]:
        """Let runs end, and return after how many seconds each was reported."""
        ended, reported = {}, reported or ending
        for run_id in ending:
            ended[run_id] = self.pair.emulator.end(run_id)
            time.sleep(pause)
        events = self.process.events
        lost = f"the ends of {len(reported)} runs were reported"
        until(lost, PATIENCE * self.delay, lambda: events.keys() >= set(reported))
        return [events[run_id][0]["at"] - (ended[run_id] if since is None else since) for run_id in reported]

    def _check(self, ended: list[str], left: int) -> None:
        """Make sure that every end was told, once and rightly, and nothing else."""
        events = self.process.events
        wrong = {
            run_id: told
            for run_id, told in events.items()
            if len(told) != 1 or told[0].get("payload", {}).get("status") not in ("CANCELLED", "success")
        }
        if wrong or events.keys() != set(ended):
            raise RuntimeError(f"{len(ended)} runs ended, {len(events)} were reported, wrong are: {wrong}")
        if (waiting := self.process.rest()) != left:
            raise RuntimeError(f"{waiting} waits are left, where {left} were to be")
        self.result.ended = len(ended)


def progress(text: str) -> None:
    """Tell whoever waits for the figures."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def measure_theirs(scale: Scale, folder: Path) -> list[Result]:
    """Measure the amazon provider's pattern in rounds; the ends, which are the same every time, in the last one."""
    results = []
    for number in range(1, scale.rounds + 1):
        progress(f"amazon pattern: round {number} of {scale.rounds}")
        with Pair("amazon", PYTHONS["amazon"], folder) as pair:
            made = Round(pair, scale.waits, scale.delay)
            made.start()
            if number == scale.rounds:
                progress("amazon pattern: ends")
                made.tick()
                made.end_half(0)
        results.append(made.result)
    return results


def measure_ours(scale: Scale, folder: Path) -> list[Result]:
    """Measure this provider in rounds: the starts one after the other, the ends, next to no work, at the same time.

    Most runs end together, at another point between two looks in each round.
    """
    rounds: list[Round] = []
    with ExitStack() as stack:
        for number in range(1, scale.rounds + 1):
            progress(f"this provider: round {number} of {scale.rounds}")
            pair = stack.enter_context(Pair("omics", PYTHONS["omics"], folder))
            rounds.append(Round(pair, scale.waits, scale.delay))
            rounds[-1].start()
        progress("this provider: ends")
        with ThreadPoolExecutor(scale.rounds) as threads:
            list(threads.map(Round.tick, rounds))
            list(threads.map(Round.end_half, rounds, [number / scale.rounds for number in range(scale.rounds)]))
    return [each.result for each in rounds]


def measure_many(scale: Scale, folder: Path) -> Result:
    """Measure ten times as many waits of this provider, once."""
    progress(f"{MANY_FACTOR * scale.waits} waits")
    with Pair("omics", PYTHONS["omics"], folder, requests_per_second=MANY_RATE) as pair:
        made = Round(pair, MANY_FACTOR * scale.waits, scale.delay)
        made.start()
        made.end_half(0)
    return made.result


def measure_two(scale: Scale, folder: Path) -> int:
    """Let two processes share the waits and the account's rates, and return how often they were throttled."""
    progress("two processes")
    with Pair("omics", PYTHONS["omics"], folder, processes=2) as pair:
        emulator = pair.emulator
        runs = emulator.start(scale.waits)
        emulator.limit(ACCOUNT_RATE, "GetRun", "ListRuns")
        halves = runs[::2], runs[1::2]
        for process, half in zip(pair.processes, halves, strict=True):
            process.start(half, scale.delay)
        time.sleep(scale.delay)
        ending = runs[: scale.waits // 4]
        for run_id, _ in ending:
            emulator.end(run_id)

        def reported() -> int:
            return sum(len(process.events) for process in pair.processes)

        until("the ends were reported", PATIENCE * scale.delay, lambda: reported() == len(ending))
        return sum(process.throttled for process in pair.processes)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and return the exit status: 1 if a target is missed."""
    command = argparse.ArgumentParser(description="Measure what deferred waits cost.")
    command.add_argument("--waits", type=int, default=1000, help="how many at a time (default: %(default)s)")
    command.add_argument("--delay", type=float, default=30, help="seconds between two looks (default: %(default)g)")
    command.add_argument("--rounds", type=int, default=5, help="fresh processes of each kind (default: %(default)s)")
    scale = Scale(**vars(command.parse_args(argv)))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with compiled(*PYTHONS.values()) as folder:
        theirs = measure_theirs(scale, folder)
        ours = measure_ours(scale, folder)
        throttled = measure_two(scale, folder)
        many = measure_many(scale, folder)
    text, held = table(scale.waits, scale.delay, theirs, ours, many, throttled)
    print(text)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
