"""The environment of the emulator's processes: nothing that the shell which starts it keeps for others.

Linux shows the environment with which a process began to every process of the same user (``/proc/PID/environ``:
https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html), whatever the process changes later. The tasks of the
engine ``wdl`` are such processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
"""What every process gets: no credentials, and no settings of other programs."""
_CLEAN = "OMICS_EMULATOR_CLEAN"
"""Says which process began with this environment, so that none begins again for ever."""


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the process of a run gets of an environment."""
    return {name: environment[name] for name in PASSED_ON if name in environment}


def begin_again() -> None:
    """Let this process begin again with a clean environment, unless it has; its command and its id stay."""
    if os.name != "posix" or os.environ.get(_CLEAN) == str(os.getpid()):
        return
    # Python's own settings, e.g. PYTHONPATH: PYTHON_TOKEN would be somebody else's.
    python = {name: value for name, value in os.environ.items() if name.startswith("PYTHON") and "_" not in name}
    clean = {**passed_on(os.environ), **python, _CLEAN: str(os.getpid())}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], clean)  # noqa: S606  # its own command again
