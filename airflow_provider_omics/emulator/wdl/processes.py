"""Ending processes with all that they have started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Iterator

import psutil  # type: ignore[import-untyped,unused-ignore]

_PR_SET_CHILD_SUBREAPER = 36
"""Linux: https://man7.org/linux/man-pages/man2/pr_set_child_subreaper.2const.html."""

_PAUSE = 0.005
"""Seconds that killed processes have to end until it is looked again."""


def adopt_orphans() -> None:
    """Become the parent of what any descendant leaves behind, so that nothing gets out of sight; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_session(leader: int, patience: float = 2.0) -> None:
    """Kill a session's leader, its descendants and every other process of the session.

    :param leader: the id of the process that leads the session; it may have ended already.
    :param patience: seconds after which this returns even if some process is still ending.
    """
    deadline = time.monotonic() + patience
    while (victims := list(_members(leader))) and time.monotonic() < deadline:
        for victim in victims:
            with contextlib.suppress(psutil.Error):
                victim.kill()
        time.sleep(_PAUSE)


def end_descendants() -> None:
    """Kill everything that this process has started, and what that has started."""
    victims = psutil.Process().children(recursive=True)
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()


def _members(leader: int) -> Iterator[psutil.Process]:
    """Yield the processes of a session that have not ended, the leader last: its descendants are found by it."""
    for process in _candidates(leader):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _candidates(leader: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from psutil.Process(leader).children(recursive=True)
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):  # it has ended, or is none of ours
            if os.getsid(pid) == leader and pid != leader:
                yield psutil.Process(pid)
    with contextlib.suppress(psutil.NoSuchProcess):
        yield psutil.Process(leader)
