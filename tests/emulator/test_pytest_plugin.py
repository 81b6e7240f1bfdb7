"""The pytest plugin, in sessions of their own: what it gives, and that it costs nothing where it is not used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

OPTIONS = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-o", "filterwarnings=error:::airflow_provider_omics", "-q"]
"""An older botocore, and plugins of others, warn on a newer Python: that is not ours to mend."""


def session(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one file in an empty folder, where only the entry point can lead to the plugin."""
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", *OPTIONS, *options, "test_it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_session_that_does_not_use_it_imports_nothing(tmp_path: Path) -> None:
    found = session(
        tmp_path,
        """
import sys

def test_it():
    assert "airflow_provider_omics.emulator.pytest_plugin" in sys.modules
    heavy = {"moto", "botocore", "boto3", "airflow", "regex", "airflow_provider_omics.emulator.core"}
    assert not heavy & set(sys.modules)
""",
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_fixtures(tmp_path: Path) -> None:
    found = session(
        tmp_path,
        """
import json
import os
import boto3
import pytest
from botocore.config import Config

def client(service="omics"):
    connection = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])
    return boto3.client(
        service,
        aws_access_key_id=connection["login"],
        aws_secret_access_key=connection["password"],
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        **connection["extra"],
    )

@pytest.mark.parametrize("attempt", [1, 2])
def test_every_test_starts_empty(omics_connection, omics_bucket, attempt):
    assert omics_connection == "aws_default"
    assert client().list_run_caches()["items"] == []
    client().create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache")
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == [omics_bucket]

def test_a_fault(omics_connection, omics_faults):
    omics_faults.deny("ListRunCaches")
    with pytest.raises(client().exceptions.AccessDeniedException):
        client().list_run_caches()

def test_time_stands_still_until_it_is_moved(omics_clock, omics_emulator):
    before = omics_clock.now()
    assert omics_emulator.store.clock.now() == before
    omics_clock.advance(60)
    assert (omics_clock.now() - before).total_seconds() == 60

def test_time_passes_where_nobody_moves_it(omics_emulator):
    clock = omics_emulator.store.clock
    before = clock.now()
    while clock.now() == before:
        pass

def test_the_connection_is_gone():
    assert "AIRFLOW_CONN_AWS_DEFAULT" not in os.environ
""",
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "6 passed" in found.stdout


def test_a_suite_may_ask_for_further_services(tmp_path: Path) -> None:
    found = session(
        tmp_path,
        """
import boto3
import pytest

@pytest.fixture
def omics_services():
    return ["dynamodb"]

def test_it(omics_emulator):
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    assert boto3.client("dynamodb", endpoint_url=omics_emulator.url, **keys).list_tables()["TableNames"] == []
    with pytest.raises(Exception, match="--service sns"):
        boto3.client("sns", endpoint_url=omics_emulator.url, **keys).list_topics()
""",
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("early", [[], ["-p", "moto"]], ids=["moto imported by the test", "moto imported first"])
def test_mock_aws_has_healthomics_where_a_test_asks_for_it(tmp_path: Path, early: list[str]) -> None:
    found = session(
        tmp_path,
        """
import boto3
from moto import mock_aws

@mock_aws
def test_it(omics_store):
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="genomes")
    omics = boto3.client("omics", region_name="us-east-1")
    assert omics.create_run_cache(cacheS3Location="s3://genomes/cache")["status"] == "ACTIVE"

@mock_aws
def test_the_emulator_and_mock_aws_are_one(omics_faults):
    boto3.client("omics", region_name="us-east-1").list_run_caches()
    assert omics_faults.calls["ListRunCaches"] == 1
""",
        *early,
    )
    assert found.returncode == 0, found.stdout + found.stderr


SURROUNDINGS = """
import atexit, json, logging, os, pathlib, signal, sys, threading, warnings

def handlers(logger):
    return [str(getattr(logger, "level", None)), getattr(logger, "disabled", None)] + [
        type(each).__name__ for each in getattr(logger, "handlers", [])
    ]

def seen():
    return {
        "modules": sorted(sys.modules),
        "environment": dict(os.environ),
        "path": sys.path,
        "finders": [getattr(each, "__qualname__", type(each).__qualname__) for each in sys.meta_path + sys.path_hooks],
        "warnings": [repr(each) for each in warnings.filters],
        "loggers": {name: handlers(each) for name, each in logging.root.manager.loggerDict.items()},
        "root logger": handlers(logging.root),
        "threads": sorted(each.name for each in threading.enumerate()),
        "signals": [str(signal.getsignal(each)).partition(" at ")[0] for each in sorted(signal.valid_signals())],
        "exit": atexit._ncallbacks(),
        "limit": sys.getrecursionlimit(),
        "excepthook": sys.excepthook.__qualname__,
    }

def test_it():
    found = {"before": seen()}
    import moto.backend_index
    found["services of moto"] = [service for service, _ in moto.backend_index.backend_url_patterns]
    found["after"] = seen()
    pathlib.Path("seen.json").write_text(json.dumps(found))
"""


def test_a_session_that_does_not_use_it_is_as_without_it(tmp_path: Path) -> None:
    """Compare with a session that does not load it: modules, environment, imports, warnings, logging and moto."""
    found = {}
    for options in ((), ("-p", "no:omics")):
        done = session(tmp_path, SURROUNDINGS, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        found[options] = json.loads((tmp_path / "seen.json").read_text())
    loaded, left_out = found.values()
    for when in ("before", "after"):
        modules = set(loaded[when].pop("modules")) ^ set(left_out[when].pop("modules"))
        package = "airflow_provider_omics"
        assert modules == {package, f"{package}.emulator", f"{package}.emulator.pytest_plugin"}
        for what, value in loaded[when].items():
            assert value == left_out[when][what], what
    assert loaded["services of moto"] == left_out["services of moto"]
    assert "omics" not in loaded["services of moto"]


def test_in_process_nothing_listens_and_everything_else_is_the_same(tmp_path: Path) -> None:
    found = session(
        tmp_path,
        """
import json
import os
import threading
import boto3
import pytest

@pytest.mark.parametrize("attempt", [1, 2])
def test_the_bucket_may_come_before(omics_bucket, omics_mock, omics_connection, attempt):
    extra = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]
    assert (omics_connection, extra) == ("aws_default", {"region_name": "us-east-1"})
    omics = boto3.client("omics")
    assert omics.list_run_caches()["items"] == []
    omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache")
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == [omics_bucket]
    assert "omics-emulator" not in {thread.name for thread in threading.enumerate()}

def test_faults_and_clock(omics_mock, omics_faults, omics_clock):
    assert (omics_mock.faults, omics_mock.clock) == (omics_faults, omics_clock)
    omics_faults.deny("ListRunCaches")
    omics = boto3.client("omics")
    with pytest.raises(omics.exceptions.AccessDeniedException):
        omics.list_run_caches()
    assert omics_mock.permissions.policy()["Statement"][0]["Action"] == ["omics:ListRunCaches"]

def test_it_is_over():
    assert os.environ.get("AWS_ACCESS_KEY_ID") != "FOOBARKEY"
    assert "AWS_DEFAULT_REGION" not in os.environ
""",
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "4 passed" in found.stdout


@pytest.mark.parametrize("fixture", ["omics_emulator", "omics_mock"])
def test_what_the_environment_says_of_aws_and_proxies_leads_nowhere_else(
    fixture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a proxy is the only way out, where the emulator's greeting was pasted, or where a profile is gone."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    nowhere = "http://127.0.0.1:9"
    surroundings = {"http_proxy": nowhere, "AWS_ENDPOINT_URL": nowhere, "AWS_PROFILE": "gone"}
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    found = session(
        tmp_path,
        f"""
import json
import os
import boto3
from botocore.config import Config

def test_it({fixture}, omics_connection, omics_bucket):
    connection = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])
    keys = connection["login"], connection["password"]
    config = Config(inject_host_prefix="{fixture}" == "omics_mock", retries={{"total_max_attempts": 1}})
    for service, call in (("s3", "list_buckets"), ("omics", "list_runs")):
        getattr(boto3.Session(*keys).client(service, config=config, **connection["extra"]), call)()

def test_it_is_over():
    assert {surroundings}.items() <= os.environ.items()
    assert not {{"NO_PROXY", "no_proxy", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}} & set(os.environ)
""",
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "2 passed" in found.stdout


@pytest.mark.locked
def test_a_workflow_is_registered_and_its_tasks_run(tmp_path: Path) -> None:
    (tmp_path / "shout.wdl").write_text(
        """
version 1.1
import "words/loud.wdl"
workflow shout {
    input { String word }
    call loud.loud { input: word }
    output { String heard = loud.heard }
}
"""
    )
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "loud.wdl").write_text(
        """
version 1.1
task loud {
    input { String word }
    command <<< echo "~{word}" | tr a-z A-Z >>>
    output { String heard = read_string(stdout()) }
}
"""
    )
    (tmp_path / "words" / "old.wdl").mkdir()  # a folder may be called so
    (tmp_path / "broken.wdl").write_text("version 1.1\nworkflow broken {\n  call nothing\n}\n")
    found = session(
        tmp_path,
        """
import json
import time
import boto3
import pytest

def test_shout(omics_wdl, omics_mock, omics_bucket):
    omics, s3 = boto3.client("omics"), boto3.client("s3")
    workflow_id = omics_wdl("shout.wdl")
    workflow = omics.get_workflow(id=workflow_id)
    assert (workflow["name"], list(workflow["parameterTemplate"])) == ("shout", ["word"])
    run = omics.start_run(
        workflowId=workflow_id,
        roleArn="arn:aws:iam::123456789012:role/Omics",
        outputUri=f"s3://{omics_bucket}/runs",
        parameters={"word": "hello"},
    )
    deadline = time.monotonic() + 900
    while omics.get_run(id=run["id"])["status"] not in ("COMPLETED", "FAILED"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    key = run["runOutputUri"].removeprefix(f"s3://{omics_bucket}/") + "/logs/outputs.json"
    outputs = json.load(s3.get_object(Bucket=omics_bucket, Key=key)["Body"])
    assert outputs == {"shout.heard": "HELLO"}

def test_what_is_wrong_is_told_with_its_line(omics_wdl):
    with pytest.raises(ValueError, match="broken.wdl.*3"):
        omics_wdl("broken.wdl")
    with pytest.raises(FileNotFoundError, match="absent.wdl"):
        omics_wdl("absent.wdl")
""",
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "2 passed" in found.stdout
