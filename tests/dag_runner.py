"""Run DAGs in one Airflow process that all tests of a session share: its start costs more than a DAG run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from tests.limit import LIMIT_SECONDS

SCRIPT = Path(__file__).with_name("dag_runner_process.py")


class DagRunner:
    """The process that runs DAGs.

    :param home: an empty folder, for the DAG files, the reports and the logs
    """

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "dags"
        self.folder.mkdir()
        environment = os.environ | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder),
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",  # seconds; Airflow's own default is five minutes
        }
        with (home / "process.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, SCRIPT],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._requests = 0

    def run(
        self, url: str, *files: Path, modules: Sequence[str] = (), environment: dict[str, str] | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        """Run DAGs one after the other, and return what became of each, and the log of all.

        :param url: the address that the connection ``aws_default`` leads to
        :param files: DAG files, and files or folders that they read; they are copied into the DAG folder
        :param modules: the modules of the DAGs to run; by default those of all DAG files
        :param environment: variables of the environment beside the connection
        """
        for file in files:
            assert not (self.folder / file.name).exists(), f"another test brought {file.name}, which stays imported"
            copy = shutil.copytree if file.is_dir() else shutil.copy
            copy(file, self.folder / file.name)
        self._requests += 1
        report, log = (self.home / f"{self._requests}.{kind}" for kind in ("json", "log"))
        request = {
            "modules": list(modules) or [file.stem for file in files if file.suffix == ".py"],
            "environment": {CONNECTION: connection_json(url), **(environment or {})},
            "log": str(log),
            "report": str(report),
        }
        self._ask(request)
        said = log.read_text() if log.exists() else (self.home / "process.log").read_text()
        assert report.exists(), said
        return json.loads(report.read_text()), said

    def _ask(self, request: dict[str, Any]) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        watchdog = threading.Timer(LIMIT_SECONDS, self._process.kill)
        watchdog.start()
        try:
            print(json.dumps(request), file=stdin, flush=True)
            stdout.readline()
        finally:
            watchdog.cancel()

    def close(self) -> None:
        """End the process, which ends with its standard input."""
        self._process.communicate(timeout=LIMIT_SECONDS)
