"""Faults of processes: workers and triggerers that die."""

from __future__ import annotations

import signal

import psutil  # type: ignore[import-untyped]

from tests.faults.cases import Case
from tests.faults.row import BOTH, LATE_SECONDS, adopted, fault, kill_before_the_answer
from tests.faults.workers import end, ended, resume, supervisor, suspend, switches, terminate

NOTICED_SWITCHES = 20
"""How often a process goes to sleep in two or three looks at its run: by then it has handled a signal of before."""


@fault("worker killed before StartRun is sent", arguments={"hold": "start"})
def killed_before_start(case: Case) -> None:
    case.trigger()
    case.kill(case.held())
    adopted(case)


@fault("worker killed before StartRun's answer arrives", names=BOTH)
def killed_before_answer(case: Case) -> None:
    kill_before_the_answer(case)
    adopted(case)


@fault("worker killed after StartRun's answer", names=BOTH, arguments={"hold": "wait"})
def killed_after_answer(case: Case) -> None:
    case.trigger()
    case.kill(case.held())
    adopted(case)


@fault("worker killed while waiting", modes=("sync",), names=BOTH)
def killed_while_waiting(case: Case) -> None:
    case.trigger()
    case.waits()
    case.kill(case.process())
    adopted(case)


@fault("worker killed after the run completed", names=BOTH)
def killed_after_completion(case: Case) -> None:
    case.faults.slow("ListRunTasks", seconds=LATE_SECONDS, times=1)
    case.trigger()
    case.waits()
    case.complete()
    case.until("the worker asks for the outcome", lambda: case.faults.calls["ListRunTasks"])
    case.kill(case.process())
    case.ends()


def until_noticed(case: Case, process: psutil.Process, before: float) -> None:
    """Wait until a process that was told to end has ended, or goes on all the same, as on Airflow 3.0.

    :param before: how often it had gone to sleep before
    """
    case.until("the process has noticed SIGTERM", lambda: switches(process) >= before + NOTICED_SWITCHES)


@fault("worker terminated, then killed, in a scale-in", modes=("sync",), names=BOTH)
def scale_in(case: Case) -> None:
    case.trigger()
    case.waits()
    worker = case.process()
    above = supervisor(worker)
    before = switches(worker)
    terminate(worker, above)
    until_noticed(case, worker, before)
    end(above, worker)
    case.is_dead(worker)
    adopted(case)


@fault("zombie terminated after the next try attached", modes=("sync",), names=BOTH)
def late_sigterm(case: Case) -> None:
    case.trigger()
    case.waits()
    zombie = case.process()
    above = supervisor(zombie)
    end(above)
    case.until("its supervisor is dead", lambda: ended(above))
    suspend(zombie)  # otherwise it would look at the run too, and nobody could tell who does
    case.is_dead(zombie)
    case.waits(2)
    before = switches(zombie)
    terminate(zombie)
    resume(zombie)
    until_noticed(case, zombie, before)
    end(zombie)
    assert case.faults.calls["CancelRun"] == 0, case.story()
    case.complete()
    case.ends()


def hit_the_triggerer(case: Case, number: signal.Signals) -> None:
    """Send the triggerer a signal while all cases of the row are deferred, and start it again."""
    case.trigger()
    case.waits()
    case.together(lambda: case.watch.ask(lambda airflow: airflow.restart("triggerer", number)))
    case.waits()
    case.complete()
    case.ends()


@fault("triggerer killed while the run is deferred", modes=("deferred",), names=BOTH, together=True)
def triggerer_killed(case: Case) -> None:
    hit_the_triggerer(case, signal.SIGKILL)


@fault("triggerer terminated while the run is deferred", modes=("deferred",), names=BOTH, together=True)
def triggerer_terminated(case: Case) -> None:
    hit_the_triggerer(case, signal.SIGTERM)
