"""A program that lives in an environment of its own, and answers one line of JSON with another."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any

from airflow_provider_omics.emulator.connection import environment
from tests.clients.samples import REGION
from tests.limit import LIMIT_SECONDS

ENVIRONMENTS = Path(__file__).resolve().parents[2] / ".venvs"


def scripts(name: str) -> Path:
    """Return the folder of the programs of an environment."""
    folder = ENVIRONMENTS / name / "bin"
    assert folder.exists(), f"There is no {folder}: `make test-clients` makes it."
    return folder


def surroundings(url: str) -> dict[str, str]:
    """Return the environment of a process that is to reach the emulator."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment(url, REGION)


class Program:
    """A client of the emulator's in a process that serves many calls, because its imports cost more than these do.

    :param name: the environment; the script beside this file that runs in it is named after it (``…_calls.py``).
    :param url: where the emulator is.
    :param folder: its working directory.
    """

    def __init__(self, name: str, url: str, folder: Path) -> None:
        script = Path(__file__).with_name(f"{name.replace('-', '_')}_calls.py")
        self._process = subprocess.Popen(
            [scripts(name) / "python", script],
            env=surroundings(url),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **message: Any) -> Any:
        """Return the answer to a message."""
        assert self._process.stdin
        assert self._process.stdout
        watchdog = Timer(LIMIT_SECONDS, self._process.kill)
        watchdog.start()
        try:
            print(json.dumps(message), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        assert answer, f"The program ended, or did not answer {message} in {LIMIT_SECONDS} s."
        return json.loads(answer)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=LIMIT_SECONDS)
