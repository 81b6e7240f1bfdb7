"""Every fault in real processes: a run is started exactly once, whatever dies.

One Airflow serves all faults, each case of a fault has a DAG and a HealthOmics of its own, and all go on side by side.
``pytest tests/faults/test_started_once.py -k late_sigterm`` tries one fault. With ``FAULT_TABLE=FILE`` the table is
written to a file.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest

from airflow_provider_omics.emulator.connection import CONNECTION
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.wsgi import MotoApplication
from tests.e2e.airflow_processes import Airflow
from tests.faults import answers, deaths, people
from tests.faults.accounts import Account, table
from tests.faults.cases import BUCKET, Case
from tests.faults.row import ROWS, Row
from tests.faults.watch import Meeting, Watch
from tests.faults.workers import end

DAG = Path(__file__).parent.parent / "dags" / "faults.py"
WORKERS = 16
"""Most of them wait most of the time."""
SIDE_BY_SIDE = 24
"""How many cases go on at the same time."""

ALL = (deaths, answers, people)
"""Where the faults stand."""

pytestmark = pytest.mark.slow


class Faults:
    """The cases of the rows that were asked for, and what became of them."""

    def __init__(self, rows: Sequence[Row], folder: Path) -> None:
        self.folder = folder
        moto = MotoApplication()
        moto.wait()
        MotoNeighbours().create_bucket(BUCKET, DEFAULT_ACCOUNT, DEFAULT_REGION)
        self.cases = {
            row.word: [Case(dag_id, folder, moto, arguments, row.samples) for dag_id, arguments in row.cases()]
            for row in rows
        }
        self.accounts: dict[str, Account] = {row.word: Account() for row in rows}
        self._lock = threading.Lock()
        self.write()

    def write(self) -> None:
        """Write what the DAG file reads."""
        with self._lock:
            scratch = self.folder / "cases.new"
            scratch.write_text(json.dumps([case.definition for case in self._all()]))
            scratch.replace(self.folder / "cases.json")

    def _all(self) -> list[Case]:
        return [case for cases in self.cases.values() for case in cases]

    @property
    def environment(self) -> dict[str, str]:
        """The connections, and what makes Airflow quick to notice what has died."""
        major = int(version("apache-airflow").partition(".")[0])
        connections = {
            CONNECTION.replace("AWS_DEFAULT", name.upper()): connection
            for case in self._all()
            for name, connection in case.connections.items()
        }
        settings = {
            "FAULTS": str(self.folder),
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
        }
        beats = {
            2: {"SCHEDULER__ZOMBIE_DETECTION_INTERVAL": 2, "SCHEDULER__JOB_HEARTBEAT_SEC": 1},
            3: {
                "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 1,
                "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": 1,
            },
        }[major]
        return connections | settings | {f"AIRFLOW__{name}": str(value) for name, value in beats.items()}

    def run(self, rows: Sequence[Row], watch: Watch) -> None:
        """Run the cases side by side; those that disturb all of Airflow do so when the others have ended."""
        others: list[Future[None]] = []
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for row in sorted(rows, key=lambda row: (row.together, not row.is_long)):
                meeting = Meeting(len(self.cases[row.word]), partial(wait, others))
                for case in self.cases[row.word]:
                    case.watch, case.edited, case.meeting = watch, self.write, meeting
                    started = pool.submit(self._try, row, case)
                    if not row.together:
                        others.append(started)

    def _try(self, row: Row, case: Case) -> None:
        began = time.monotonic()
        try:
            row.script(case)
            outcome = case.account()
        except Exception:  # told by the test of the row
            case.meeting.abort()
            outcome = Account(cases=1, errors=[f"{case.dag_id}: {traceback.format_exc()}"])
        with self._lock, (self.folder / "cases.log").open("a") as log:
            self.accounts[row.word] += outcome
            print(f"{time.monotonic() - began:5.1f} s  {case.story()}", file=log)

    def close(self) -> None:
        """Leave nothing running."""
        for case in self._all():
            end(*case.workers)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:  # a server waits for a moment for an answer that is late
            list(pool.map(lambda case: case.server.close(), self._all()))
        MotoNeighbours().reset()


@pytest.fixture(scope="module")
def accounts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Account]]:
    """Run every fault that a test asks for in one Airflow, and return what each cost."""
    asked: list[Row] = [
        item.callspec.params["row"]  # type: ignore[misc]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec")
    ]
    folder, home, dags = (tmp_path_factory.mktemp(name) for name in ("faults", "airflow", "dags"))
    shutil.copy(DAG, dags)
    with ExitStack() as stack:
        faults = Faults(asked, folder)
        stack.callback(faults.close)
        airflow = stack.enter_context(Airflow(home, dags, faults.environment, parallelism=WORKERS))
        faults.run(asked, Watch(airflow))
        failed = any(account.errors for account in faults.accounts.values())
        tails = airflow.tails() if failed else ""
    yield faults.accounts
    show(request, {row.title: faults.accounts[row.word] for row in asked}, tails)


def show(request: pytest.FixtureRequest, rows: dict[str, Account], tails: str) -> None:
    """Print the table, and write it to where ``FAULT_TABLE`` says."""
    lines = table(rows, f"Airflow {version('apache-airflow')}")
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for line in ["", *tails.splitlines(), *lines]:
            reporter.write_line(line)
    if path := os.environ.get("FAULT_TABLE"):
        Path(path).write_text("\n".join([*lines, ""]))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_run_is_started_exactly_once(row: Row, accounts: dict[str, Account]) -> None:
    account = accounts[row.word]
    assert account.errors == []
    assert account.started == account.needed
    assert (account.orphaned, account.wrongly_adopted, account.cancelled_unasked) == (0, 0, 0)
    assert account.minutes_again == 0
