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
from tests.limit import LIMIT_SECONDS
from tests.verify_aws.accounts import ACCOUNT, REGION, ROLE, SCRIPTS, client, everything

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("options", [["--yes"], [], ["--clean-up", "omics-verify-0123456789ab", "--yes"]])
@pytest.mark.parametrize(
    ("where", "url"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
        ("AWS_ENDPOINT_URL", "http://omics:5000"),
        ("AWS_ENDPOINT_URL_OMICS", "http://ec2-192-0-2-1.compute-1.amazonaws.com:5000"),
        ("AWS_ENDPOINT_URL_OMICS", "http://omics-1234567890.us-east-1.elb.amazonaws.com"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:5000"),
        ("profile", "http://127.0.0.1:5000"),
    ],
)
def test_an_emulator_does_not_pass_for_aws(
    where: str,
    url: str,
    options: list[str],
    command: Any,
    omics_mock: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", raising=False)  # which the mock may set
    if where == "profile":
        profile = tmp_path / "config"
        profile.write_text(f"[default]\nendpoint_url = {url}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    else:
        monkeypatch.setenv(where, url)
    with pytest.raises(SystemExit, match="2"):
        command(*options)
    said = capsys.readouterr().err
    assert f"at {url}, which is no endpoint of AWS" in said
    assert "--endpoint-url" in said
    assert not omics_mock.faults.calls
    assert (tmp_path / "assumptions.json").read_text() == FILE.read_text()


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "il-central-1"])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_REGION", "{region}"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_ENDPOINT_URL_S3", "https://s3.{region}.amazonaws.com/"),
        ("AWS_ENDPOINT_URL_OMICS", "https://vpce-0ab1-cd2.omics.{region}.vpce.amazonaws.com"),
    ],
)
def test_aws_itself_is_asked(
    variable: str, value: str, region: str, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", raising=False)  # which the mock may set
    monkeypatch.setenv(variable, value.format(region=region))
    assert command("--region", region) == 2


def test_an_interruption_costs_no_answer(
    command: Any, omics_mock: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    account = importlib.import_module("verification.account").Account
    monkeypatch.setattr(account, "clean_up", interrupted)  # as a second Ctrl-C does
    omics_mock.faults.duplicate_cache_name = "conflict"
    assert command("--yes", "--only", "duplicate_cache_name") == 130
    entry = json.loads((tmp_path / "assumptions.json").read_text())["duplicate_cache_name"]
    assert entry["answer"] == "conflict"
    assert entry["basis"].startswith("seen on ")


def test_it_cleans_up_when_it_is_told_to_stop(omics_emulator: Server, omics_bucket: str, omics_store: Store) -> None:
    place = omics_store.region(ACCOUNT, REGION)
    command = [sys.executable, str(SCRIPTS / "verify_aws.py"), "--bucket", omics_bucket, "--region", REGION, "--yes"]
    options = ["--endpoint-url", omics_emulator.url, "--only", "token_seconds", "--longest", "60"]
    with subprocess.Popen(
        [*command, *options], env=os.environ | CREDENTIALS, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + LIMIT_SECONDS
            while not len(place.run_caches):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
    assert (process.returncode, said) == (130, "Interrupted.\n")
    assert {cache.status for cache in place.run_caches} == {"DELETED"}
