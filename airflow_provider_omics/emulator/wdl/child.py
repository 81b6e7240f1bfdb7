"""The process that executes one run of a WDL workflow, for the emulator that started it."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import WDL
from WDL._util import LOGGING_FORMAT
from WDL.runtime import config, task_container, workflow
from WDL.runtime.error import RunFailed

from airflow_provider_omics.emulator.wdl.calls import Calls
from airflow_provider_omics.emulator.wdl.container import ProcessContainer
from airflow_provider_omics.emulator.wdl.contents import Contents, NoCallCache, told
from airflow_provider_omics.emulator.wdl.pipe import Emulator, Message
from airflow_provider_omics.emulator.wdl.processes import adopt_orphans, end_descendants

_THREADS = 64
"""How many tasks may wait at once; how many run at once is the emulator's decision."""
_SETTINGS = {
    "scheduler": {
        "container_backend": "process",
        "task_concurrency": str(_THREADS),
        "subworkflow_concurrency": str(_THREADS),
        "scatter_tag_max": "0",  # so that a call is named by its place in the scatter alone
    },
    "file_io": {"copy_input_files": "true"},
    # -1: a task keeps the CPUs and the memory that it asks for, even where this machine has less.
    "task_runtime": {"cpu_max": "-1", "memory_max": "-1", "defaults": "{}"},
}


class _ToEmulator(logging.Handler):
    def __init__(self, emulator: Emulator) -> None:
        super().__init__(logging.INFO)
        self._emulator = emulator
        self.setFormatter(logging.Formatter(LOGGING_FORMAT, datefmt="%Y-%m-%d %H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode(errors="backslashreplace").decode()  # names of files may be no Unicode text
        self._emulator.tell("log", line=line, error=record.levelno >= logging.ERROR)


def main(folder: Path) -> int:
    """Execute the run that the emulator asks for.

    :param folder: the run's own; it is removed should the emulator disappear.
    """

    def abandoned() -> None:
        while folder.exists():  # the threads of tasks go on for a moment, and may write
            end_descendants()
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    adopt_orphans()
    emulator = Emulator(abandoned)
    request = emulator.request()
    contents = Contents(emulator)
    calls = Calls(emulator, contents)
    logger = logging.getLogger("wdl")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(_ToEmulator(emulator))
    try:
        emulator.tell("done", **_execute(request, folder, logger, contents, calls))
    except Exception as error:
        reason, message = calls.failure or ("WORKFLOW_RUN_FAILED", _told_error(error))
        emulator.tell("broken", reason=reason, message=message)
    emulator.close()
    return 0


def _execute(
    request: Message, folder: Path, logger: logging.Logger, contents: Contents, calls: Calls
) -> dict[str, Any]:
    document = WDL.load(str(folder / "source" / request["main"]), check_quant=not request["lenient"])
    main = document.workflow
    if main is None:
        raise WDL.Error.InputError("the main file has no workflow")
    inputs = WDL.values_from_json(request["inputs"], main.available_inputs, main.required_inputs, namespace=main.name)
    WDL.Value.rewrite_env_paths(inputs, lambda value: _checked(value.value, calls))
    cfg = _configured()
    cache = NoCallCache(cfg, logger)
    cache.contents = contents
    engine: Any = workflow
    engine.run_local_task = calls.run
    runs = str(folder / "run")
    _, outputs = workflow.run_local_workflow(cfg, main, inputs, run_dir=f"{runs}/.", _cache=cache)
    return told(outputs, runs, main.name)


def _configured() -> config.Loader:
    """Return miniwdl's settings, without those and the plug-ins that a user may have for miniwdl itself.

    The search for plug-ins would also cost each task tens of milliseconds.
    """
    cfg: Any = config.Loader(logging.getLogger("settings"), filenames=[], overrides=_SETTINGS)
    config.load_plugins = lambda cfg, group: []
    task_container._backends["process"] = ProcessContainer
    # miniwdl imports docker for one exception of a backend that is not used here; that takes 0.1 s.
    sys.modules["docker"] = sys.modules["docker.errors"] = docker = ModuleType("docker")
    docker.__dict__["BuildError"] = type("BuildError", (Exception,), {})
    # The schemes of a File and of a Directory; HealthOmics supports no other. Nothing is called there: the cache is
    # asked first, and has what lies in S3.
    cfg._downloaders = ({"s3": object()}, {"s3": object()})
    loader: config.Loader = cfg
    return loader


def _checked(uri: str, calls: Calls) -> str:
    """Return the URI of an input file.

    :raises WDL.Error.InputError: if it is none that the emulator could read.
    """
    if uri.startswith("s3://"):
        return uri
    message = f"The input {uri} is not an S3 URI (s3://bucket/key), the only kind that the emulator reads."
    calls.failure = ("INVALID_URI_INPUT", message)
    raise WDL.Error.InputError(message)


def _told_error(error: BaseException) -> str:
    while isinstance(error, RunFailed) and error.__cause__:
        error = error.__cause__
    position = getattr(error, "pos", None)
    where = f" ({os.path.basename(position.uri)}, line {position.line}, column {position.column})" if position else ""
    return f"{str(error) or type(error).__name__}{where}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
