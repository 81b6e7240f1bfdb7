"""The processes of workers, and how they end."""

from __future__ import annotations

from contextlib import suppress

import psutil  # type: ignore[import-untyped]


def kill(*workers: psutil.Process) -> None:
    """Kill tasks' processes and those that supervise them, as when a machine dies."""
    for worker in workers:
        end(supervisor(worker), worker)  # the supervisor first, so that it reports nothing


def end(*processes: psutil.Process) -> None:
    """Kill what is left of these processes."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def ended(process: psutil.Process) -> bool:
    """Tell whether a process has ended, whoever is to take note of it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def terminate(*processes: psutil.Process) -> None:
    """Send SIGTERM to processes, as when a machine is taken away."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()


def switches(process: psutil.Process) -> float:
    """Return how often a process has gone to sleep so far, or infinity if it has ended."""
    try:
        return float("inf") if ended(process) else float(process.num_ctx_switches().voluntary)
    except psutil.NoSuchProcess:
        return float("inf")


def suspend(process: psutil.Process) -> None:
    """Let a process stand still, unless its Airflow has ended it meanwhile, as that of 2.11 may."""
    with suppress(psutil.NoSuchProcess):
        process.suspend()


def resume(process: psutil.Process) -> None:
    """Let a process go on, if there still is one."""
    with suppress(psutil.NoSuchProcess):
        process.resume()


def supervisor(worker: psutil.Process) -> psutil.Process:
    """Return the process that started a task's."""
    found = worker.parent()
    assert found is not None
    return found
