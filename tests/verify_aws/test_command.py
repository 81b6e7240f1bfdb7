"""The command: it says what it would do, does it where it is told to, and writes what it finds."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_omics.emulator import Store
from airflow_provider_omics.emulator.assumptions import FILE
from airflow_provider_omics.emulator.connection import CREDENTIALS
from airflow_provider_omics.emulator.server import Server
from tests.verify_aws.accounts import ACCOUNT, REGION, ROLE, SCRIPTS, client, everything


@pytest.fixture
def command(verification: ModuleType, omics_mock: Store, omics_bucket: str, tmp_path: Path) -> Any:
    """Return the command line, which writes to a copy of the file of answers."""
    results = tmp_path / "assumptions.json"
    shutil.copy(FILE, results)
    main = importlib.import_module("verify_aws").main
    return lambda *options: main(["--bucket", omics_bucket, "--results", str(results), "--longest", "0", *options])


def test_without_yes_it_says_what_it_would_do_and_costs_and_calls_nothing(
    command: Any, omics_mock: Store, omics_bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--role", ROLE) == 2
    said = capsys.readouterr().out
    for expected in ("us-east-1", f"s3://{omics_bucket}/omics-verify-", ROLE, "USD", "--yes", "Nothing was done"):
        assert expected in said
    assert not omics_mock.faults.calls


def test_the_permissions_that_it_names_are_those_that_it_uses(
    verification: ModuleType, account: Any, omics_mock: Store
) -> None:
    assert verification.verify(account, say=lambda line: None).complete
    assert sorted(omics_mock.faults.calls) == sorted(importlib.import_module("verify_aws").CALLS)


def test_the_command_writes_what_it_finds(
    command: Any, omics_mock: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    omics_mock.faults.missing_bucket = "access_denied"
    assert command("--yes", "--only", "missing_bucket", "--only", "idempotency") == 0
    entries = json.loads((tmp_path / "assumptions.json").read_text())
    assert entries["missing_bucket"]["answer"] == "access_denied"
    assert entries["idempotency"]["basis"].startswith("seen on ")
    said = capsys.readouterr().out
    assert "missing_bucket was assumed to be 'validation', and is 'access_denied'" in said
    assert "2 answers; still open: none; 0 checks differ" in said


def test_the_command_fails_where_a_question_stays_open(
    command: Any, omics_mock: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    omics_mock.faults.deny("CreateRunGroup")
    assert command("--yes", "--only", "group_name_match") == 1
    assert "0 answers; still open: group_name_match;" in capsys.readouterr().out


def test_the_command_removes_what_another_one_left(
    command: Any, account: Any, omics_mock: Store, omics_bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.call("CreateRunCache", **account.cache("left"))
    client("s3").put_object(Bucket=omics_bucket, Key=f"{account.name}/cache/x", Body=b"x")
    assert command("--clean-up", account.name, "--yes") == 0
    assert f"Nothing of {account.name} is left" in capsys.readouterr().out
    assert not any(everything(omics_mock, omics_bucket).values())
    with pytest.raises(SystemExit, match="2"):
        command("--clean-up", "cohort", "--yes")


@pytest.mark.slow
def test_it_cleans_up_when_it_is_told_to_stop(omics_emulator: Server, omics_bucket: str, omics_store: Store) -> None:
    place = omics_store.region(ACCOUNT, REGION)
    command = [sys.executable, str(SCRIPTS / "verify_aws.py"), "--bucket", omics_bucket, "--region", REGION, "--yes"]
    options = ["--endpoint-url", omics_emulator.url, "--only", "token_seconds", "--longest", "60"]
    with subprocess.Popen(
        [*command, *options], env=os.environ | CREDENTIALS, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not len(place.run_caches):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (130, "Interrupted.\n")
    assert [cache.status for cache in place.run_caches] == ["DELETED"]
