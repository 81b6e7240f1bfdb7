"""What stands for a container: a process of this machine, in the task's own folder."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from WDL import Type, Value
from WDL.Error import RuntimeError as WdlError
from WDL.runtime.config import Loader
from WDL.runtime.error import Terminated
from WDL.runtime.task_container import TaskContainer

_LIMIT = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_WAIT = 0.05
"""Seconds between two looks at a task."""
_GIB = 1024**3


class ProcessContainer(TaskContainer):
    """Runs a task's command with bash, with the rights of whoever started the emulator.

    Paths inside and outside are the same; a task has copies of its inputs, so that it cannot change those of another.
    """

    on_print: Callable[[list[str]], None] = staticmethod(lambda lines: None)
    """Told of the lines that the command prints."""

    def __init__(self, cfg: Loader, run_id: str, host_dir: str) -> None:
        super().__init__(cfg, run_id, host_dir)
        self.container_dir = host_dir
        self.retries = 0
        self.evaluated = True
        """False where the runtime section could not be evaluated."""

    @classmethod
    def global_init(cls, cfg: Loader, logger: logging.Logger) -> None:
        """Do nothing: there is nothing to prepare."""

    @classmethod
    def detect_resource_limits(cls, cfg: Loader, logger: logging.Logger) -> dict[str, int]:
        """Return what the machine has; a task may ask for more, since it only ever gets what is there."""
        return {"cpu": os.cpu_count() or 1, "mem_bytes": 0}

    def process_runtime(self, logger: logging.Logger, runtime_eval: dict[str, Value.Base]) -> None:
        """Take in the runtime section, with HealthOmics' own attributes.

        https://docs.aws.amazon.com/omics/latest/dev/workflow-languages-wdl.html
        """
        # miniwdl would repeat any failed task. HealthOmics repeats those that failed by errors of the service
        # (preemptible), which the emulator has not, and those that ran out of memory (maxRetries): see Calls.run.
        retries = runtime_eval.get("maxRetries", Value.Int(0))
        self.retries = max(0, retries.coerce(Type.Int()).value)
        known = {name: value for name, value in runtime_eval.items() if name not in ("maxRetries", "preemptible")}
        if "continueOnReturnCode" in known and "returnCodes" not in known:
            known["returnCodes"] = _return_codes(known["continueOnReturnCode"])
        super().process_runtime(logger, known)
        count = known.get("acceleratorCount", known.get("gpuCount"))
        if count is not None:
            self.runtime_values["gpus"] = count.coerce(Type.Int()).value
        if "omicsTimeout" in known:
            self.runtime_values["omicsTimeout"] = time_limit(known["omicsTimeout"].coerce(Type.String()).value)

    @property
    def resources(self) -> dict[str, int]:
        """CPUs, memory in GiB and GPUs; HealthOmics gives 1 CPU and 1 GiB to a task that asks for nothing."""
        asked = self.runtime_values
        memory = math.ceil(asked.get("memory_reservation", _GIB) / _GIB)
        return {"cpus": asked.get("cpu", 1), "memory": memory, "gpus": asked.get("gpus", 0)}

    def _run(self, logger: logging.Logger, terminating: Callable[[], bool], command: str) -> int:
        folder, paths = Path(self.host_dir), _Paths(self)
        (folder / "command").write_text(command, encoding="utf-8")
        (folder / "tmp").mkdir(exist_ok=True)
        with paths.out.open("wb") as out, paths.err.open("wb") as err:
            process = subprocess.Popen(  # noqa: S603  # the command of the workflow, which the user wants to run
                ["/bin/bash", str(folder / "command")],
                cwd=paths.work,
                env=self._environment(paths.work, folder / "tmp"),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                process_group=0,
            )
        with contextlib.ExitStack() as ending:
            files = [
                ending.enter_context(path.open(encoding="utf-8", errors="replace")) for path in (paths.out, paths.err)
            ]
            printed = [_Tail(file, self.on_print) for file in files]
            ending.callback(_end_group, process)
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_WAIT)
                    break
                for tail in printed:
                    tail.more()
                if terminating():
                    raise Terminated(quiet=True)
            for tail in printed:
                tail.rest()
        # A shell tells of a signal by 128 and its number; the out-of-memory killer sends SIGKILL, which makes 137.
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def _environment(self, work: Path, temporary: Path) -> dict[str, str]:
        """Return a task's environment: nothing of the emulator's own but the search path, and no credentials."""
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
        own: dict[str, str] = self.runtime_values.get("env", {})
        return {"PATH": path, "HOME": str(work), "TMPDIR": str(temporary), "LANG": "C.UTF-8", **own}


class _Paths:
    """Where a task works and prints; miniwdl's methods have no types."""

    def __init__(self, container: Any) -> None:
        self.work = Path(container.host_work_dir())
        self.out = Path(container.host_stdout_txt())
        self.err = Path(container.host_stderr_txt())


class _Tail:
    """Tells of the lines of a file that is being written."""

    def __init__(self, file: Any, tell: Callable[[list[str]], None]) -> None:
        self._file, self._tell, self._begun = file, tell, ""

    def more(self) -> None:
        """Tell of the lines that are complete by now."""
        *lines, self._begun = (self._begun + self._file.read()).split("\n")
        if lines:
            self._tell(lines)

    def rest(self) -> None:
        """Tell of the last lines, too, even if no newline ends them."""
        self.more()
        if self._begun:
            self._tell([self._begun])


def time_limit(text: str) -> int:
    """Return the seconds of an ``omicsTimeout``: whole minutes, at least one.

    :param text: seconds, or units as in ``1h30m``.
    :raises WDL.Error.RuntimeError: if it is neither.
    """
    found = _LIMIT.fullmatch(text)
    if text.isdecimal():
        seconds = int(text)
    elif found and text:
        days, hours, minutes, rest = (int(part or 0) for part in found.groups())
        seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    else:
        raise WdlError(f"invalid setting of runtime.omicsTimeout, {text}: give seconds, or a duration such as 1h30m")
    return max(60, seconds // 60 * 60)


def _return_codes(value: Value.Base) -> Value.Base:
    """Return Cromwell's ``continueOnReturnCode``, in which true means any code, as WDL's ``returnCodes``."""
    if isinstance(value, Value.Boolean):
        return Value.String("*") if value.value else Value.Int(0)
    return value


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what a task has left running."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
