"""Calls of tasks: told to the emulator, looked up in the run cache, and executed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import WDL.runtime.task
from WDL import Tree, Value
from WDL._util import TerminationSignalFlag
from WDL.runtime.cache import CallCacheAddPaths
from WDL.runtime.config import Loader
from WDL.runtime.error import CommandFailed, OutputError, RunFailed, Terminated

from airflow_provider_omics.emulator.wdl.container import ProcessContainer
from airflow_provider_omics.emulator.wdl.contents import Contents, Values, restored, told
from airflow_provider_omics.emulator.wdl.pipe import Emulator, GivenUp, Message

Result = tuple[str, Values]

miniwdl: Any = WDL.runtime.task
"""Its private names, too: the extra ``wdl`` allows one minor version of miniwdl only."""
_OUT_OF_MEMORY = 137
_RESOURCES = ("cpu", "memory", "gpuCount", "gpuType", "acceleratorCount", "acceleratorType", "docker", "container")


@dataclass(frozen=True)
class _Call:
    """One attempt at a call."""

    key: str
    """By which the emulator knows it."""
    name: str
    """As people see it."""
    folder: str


class Calls:
    """The calls of one run."""

    def __init__(self, emulator: Emulator, contents: Contents) -> None:
        self._emulator = emulator
        self._contents = contents
        self._quiet = logging.getLogger("quiet")
        self._quiet.disabled = True
        self.failure: tuple[str, str] | None = None
        """The ``failureReason`` and the message of the first task that failed."""

    def run(
        self,
        cfg: Loader,
        task: Tree.Task,
        inputs: Values,
        *,
        run_id: str,
        run_dir: str,
        _run_id_stack: list[str],
        **rest: Any,
    ) -> Result:
        """Stand in for miniwdl's ``run_local_task``.

        A task that ran out of memory is repeated with twice as much, as often as its ``maxRetries`` says:
        https://docs.aws.amazon.com/omics/latest/dev/workflow-languages-wdl.html.
        """
        # The workflow's own name comes first; below are the calls of subworkflows that led here.
        name = ".".join(step.removeprefix("call-") for step in [*_run_id_stack[1:], run_id])
        inputs = miniwdl._add_downloadable_defaults(cfg, task.available_inputs, inputs)
        rest |= {"run_id": run_id, "_run_id_stack": _run_id_stack}
        attempt = 0
        while True:
            folder = os.path.abspath(run_dir) + (f"-retry-{attempt}" if attempt else "")
            call = _Call(f"{name}#{attempt}" if attempt else name, name, folder)
            container = self._evaluated(cfg, task, inputs, run_id, os.path.join(folder, "evaluated"))
            answer = self._ask(call, task, inputs, container)
            if "values" in answer:
                return folder, restored(answer["values"], folder, task)
            try:
                return self._compute(cfg, task, inputs, call, rest)
            except RunFailed as error:
                last = attempt >= container.retries or not _out_of_memory(error)
                self._tell_failure(call, error, last=last)
                if last:
                    raise
            inputs = inputs.bind("runtime.memory", Value.String(f"{2 * container.resources['memory']} GiB"))
            attempt += 1

    def _ask(self, call: _Call, task: Tree.Task, inputs: Values, container: ProcessContainer) -> Message:
        """Return the outputs of a task if the cache has them, else nothing as soon as the task may begin."""
        with TerminationSignalFlag(self._quiet) as terminating:
            try:
                return self._emulator.ask(
                    "task",
                    unless=terminating,
                    call=call.key,
                    name=call.name,
                    task=task.name,
                    definition=definition_of(task),
                    source=task.digest,
                    inputs=self._contents.key_of(inputs),
                    container=container.runtime_values.get("docker"),
                    resources=container.resources,
                    limit=container.runtime_values.get("omicsTimeout"),
                    opt_out=_opt_out(task, container),
                    folder=call.folder,
                )
            except GivenUp:
                raise Terminated(quiet=True) from None

    def _compute(self, cfg: Loader, task: Tree.Task, inputs: Values, call: _Call, rest: dict[str, Any]) -> Result:
        """Let miniwdl run a task in the call's folder.

        :raises RunFailed: if the task failed, or has made what no output can be.
        """
        listen = self._listener(call)
        place, outputs = miniwdl.run_local_task(
            cfg, task, inputs, run_dir=f"{call.folder}/.", **rest, _plugins=[listen]
        )
        try:
            message = told(outputs, call.folder)
        except (OutputError, OSError) as error:
            raise RunFailed(task, call.name, call.folder) from error
        self._emulator.tell("completed", call=call.key, **message)
        return place, outputs

    def _evaluated(self, cfg: Loader, task: Tree.Task, inputs: Values, run_id: str, folder: str) -> ProcessContainer:
        """Return a container with the task's runtime section, evaluated as miniwdl will do it again.

        What cannot be evaluated leaves it empty: the task then fails where miniwdl comes to it, and says why.
        """
        container = ProcessContainer(cfg, run_id, folder)
        paths = CallCacheAddPaths()
        try:
            local = Value.rewrite_env_paths(inputs, self._local)
            values = miniwdl._eval_task_inputs(self._quiet, task, local, container, paths)
            functions = miniwdl.TaskInputStdLib(
                task.effective_wdl_version, self._quiet, container, source_dir=task.source_dir, cache_add_paths=paths
            )
            miniwdl._eval_task_runtime(cfg, self._quiet, run_id, task, local, container, values, functions)
        except Exception:
            container.runtime_values.clear()
            container.evaluated = False
        shutil.rmtree(folder)
        return container

    def _local(self, value: Value.File | Value.Directory) -> str:
        if "://" not in value.value:
            return str(value.value)
        return self._contents.localize(value.value, directory=isinstance(value, Value.Directory))

    def _listener(self, call: _Call) -> Callable[..., Generator[dict[str, Any], dict[str, Any], None]]:
        """Return a plug-in of miniwdl's that passes on what a task prints."""

        def listen(cfg: Any, logger: Any, stack: Any, folder: Any, task: Any, **passed: Any) -> Any:
            passed = yield passed
            passed["container"].on_print = lambda lines: self._emulator.tell("printed", call=call.key, lines=lines)
            passed = yield passed
            yield passed

        return listen

    def _tell_failure(self, call: _Call, error: RunFailed, *, last: bool) -> None:
        cause = error.__cause__
        if isinstance(cause, Terminated):
            return  # it was ended because another one failed; the emulator cancels it
        reason, message = "RUN_TASK_FAILED", str(cause)
        if isinstance(cause, CommandFailed):
            message = f"The task's command ended with exit code {cause.exit_status}."
        if _out_of_memory(error):
            reason, message = "OUT_OF_MEMORY_ERROR", f"{message} That means that it ran out of memory."
        if last:
            self.failure = self.failure or (reason, f"Task {call.name} failed. {message}")
        self._emulator.tell("failed", call=call.key, reason=reason, message=message)


def _out_of_memory(error: RunFailed) -> bool:
    return isinstance(error.__cause__, CommandFailed) and error.__cause__.exit_status == _OUT_OF_MEMORY


def definition_of(task: Tree.Task) -> str:
    """Return a digest of a task without its container, its resources and its metadata."""
    parts = {
        "version": task.effective_wdl_version,
        "structs": Tree._describe_struct_types(task),
        "inputs": [str(each) for each in task.inputs or []],
        "declarations": [str(each) for each in task.postinputs],
        "command": [str(part) for part in task.command.parts],
        "outputs": [str(each) for each in task.outputs],
        "runtime": {name: str(value) for name, value in task.runtime.items() if name not in _RESOURCES},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _opt_out(task: Tree.Task, container: ProcessContainer) -> str | None:
    """Return why a task is not to be cached: https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html."""
    volatile = task.meta.get("volatile")
    if isinstance(volatile, WDL.Expr.Boolean) and volatile.value:
        return "meta.volatile is true"
    if not container.evaluated:
        return "its inputs or its runtime section could not be evaluated"
    if "docker" not in container.runtime_values:
        return "the task names no container"
    return None if task.outputs else "the task has no outputs"
