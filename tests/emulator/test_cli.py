"""``python -m airflow_provider_omics.emulator``, as a person runs it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import botocore
import pytest
from botocore.utils import should_bypass_proxies

from airflow_provider_omics.emulator import __main__ as cli
from airflow_provider_omics.emulator.connection import connection_json, environment, exports
from tests.limit import LIMIT_SECONDS

KNOWS_SWITCH = tuple(map(int, botocore.__version__.split(".")[:2])) >= (1, 38)
PREFIX_OFF = {} if KNOWS_SWITCH else {"inject_host_prefix": False}
"""Before 1.38 botocore does not know AWS_DISABLE_HOST_PREFIX_INJECTION, so that a client says it itself."""

COMMAND = [sys.executable, "-m", "airflow_provider_omics.emulator"]


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start the emulator on a free port, and give the process and the environment that it tells one to paste."""
    process = subprocess.Popen([*COMMAND, "--port", "0", *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process:
        try:
            lines = []
            for line in process.stdout:
                if line.startswith("export "):
                    lines.append(line)
                if "Ctrl-C" in line:
                    break
            yield process, pasted(*lines)
        finally:
            process.kill()


def pasted(*lines: str, **shell: str) -> dict[str, str]:
    """Return what lines of shell change in the environment of a shell."""
    script = "\n".join(["set -eu", *lines, "env -0"])
    before = {"PATH": os.environ["PATH"], **shell}
    printed = subprocess.check_output(["sh", "-c", script], env=before, text=True)
    after = dict(each.split("=", 1) for each in printed.split("\0") if each)
    return {name: value for name, value in after.items() if before.get(name) != value}


@pytest.mark.parametrize(
    ("shell", "upper", "lower"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"NO_PROXY": ".example.org"}, ".example.org,127.0.0.1", ".example.org,127.0.0.1"),
        ({"no_proxy": ".example.org"}, ".example.org,127.0.0.1", ".example.org,127.0.0.1"),
        ({"NO_PROXY": "a.example", "no_proxy": "b.example"}, "a.example,127.0.0.1", "b.example,127.0.0.1"),
    ],
)
def test_what_it_prints_keeps_the_hosts_of_the_shell(
    shell: dict[str, str], upper: str, lower: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "the.emulators.example")
    variables = pasted(*exports("http://127.0.0.1:5000"), **shell)
    assert (variables["NO_PROXY"], variables["no_proxy"]) == (upper, lower)


def test_what_it_prints_can_be_pasted(tmp_path: Path) -> None:
    """boto3 in another process needs the printed environment and nothing else."""
    script = tmp_path / "client.py"
    script.write_text(
        "import boto3, botocore.config\n"
        f"config = botocore.config.Config(**{PREFIX_OFF})\n"
        "made = boto3.client('omics', config=config).create_run_cache(cacheS3Location='s3://genomes/cache')\n"
        "print(made['arn'], boto3.client('sts').get_caller_identity()['Account'])\n"
    )
    with running("--bucket", "genomes", "--account", "111122223333", "--region", "eu-west-1") as (process, variables):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        clean["http_proxy"] = "http://127.0.0.1:9"  # where nothing listens
        printed = subprocess.check_output([sys.executable, script], env=clean | variables, text=True)
        arn, account = printed.split()
        assert arn.startswith("arn:aws:omics:eu-west-1:111122223333:runCache/")
        assert account == "111122223333"
        connection = variables["AIRFLOW_CONN_AWS_DEFAULT"]
        assert connection == connection_json(variables["AWS_ENDPOINT_URL"], "eu-west-1")
        assert json.loads(connection)["extra"]["endpoint_url"] == variables["AWS_ENDPOINT_URL"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=LIMIT_SECONDS) == 0


@pytest.mark.parametrize(
    ("before", "upper", "lower"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"NO_PROXY": ".example.org"}, ".example.org,127.0.0.1", ".example.org,127.0.0.1"),
        ({"NO_PROXY": "a.example, 127.0.0.1", "no_proxy": "b.example"}, "a.example, 127.0.0.1", "b.example,127.0.0.1"),
        ({"no_proxy": "*"}, "*", "*"),
    ],
)
def test_no_proxy_comes_between(
    before: dict[str, str], upper: str, lower: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"http_proxy": "http://127.0.0.1:9", **before}.items():
        monkeypatch.setenv(name, value)
    url = "http://127.0.0.1:5000"
    variables = environment(url)
    assert (variables["NO_PROXY"], variables["no_proxy"]) == (upper, lower)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert should_bypass_proxies(url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_with_a_client_still_connected(number: signal.Signals) -> None:
    with running("--no-neighbours", "--workflow", "4711") as (process, variables):
        url = variables["AWS_ENDPOINT_URL"]
        with urllib.request.urlopen(f"{url}/workflow/4711") as answer:
            assert json.load(answer)["status"] == "ACTIVE"
        port = int(url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as idle:
            process.send_signal(number)
            assert process.wait(timeout=LIMIT_SECONDS) == 0
            with contextlib.suppress(ConnectionResetError):  # where the server had not accepted it yet
                assert idle.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--no-neighbours", "--bucket", "genomes"], "--bucket needs S3"),
        (["--no-neighbours", "--service", "dynamodb"], "--service needs moto"),
        (["--service", "lambda"], "moto emulates no service 'lambda'"),
        (["--no-neighbours", "--speed", "0"], "speed must be above 0"),
        (["--no-neighbours", "--fail-task", "algin"], "no task 'algin'; it has .*joint_call"),
        (["--port", "99999"], "--port: a port is a number from 0 to 65535, not '99999'"),
        (["--port", "http"], "--port: a port is a number"),
        (["--bucket", "a"], "--bucket: a bucket's name is 3 to 63 .*, not 'a'"),
        (["--bucket", "genomes", "--bucket", "exomes", "--bucket", "genomes"], "--bucket genomes is given twice"),
        (["--account", "abc"], "--account: an account is 12 digits, not 'abc'"),
        (["--region", "us_east"], "--region: a region is .*, not 'us_east'"),
    ],
)
def test_what_cannot_be_is_refused(options: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["--port", "0", *options])
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("module", ["flask", "moto", "regex"])
def test_what_is_not_installed_is_named_with_its_extra(module: str) -> None:
    run = "runpy.run_module('airflow_provider_omics.emulator', run_name='__main__')"
    script = f"import runpy, sys; sys.modules['{module}'] = None; sys.argv[1:] = ['--port', '0']; {run}"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "airflow-provider-omics[emulator]" in found.stderr.splitlines()[-1]
    assert module in found.stderr
    assert "Traceback" not in found.stderr


def test_a_taken_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match="2"):
            cli.main(["--no-neighbours", "--port", str(port)])
    assert f"port {port} cannot be used (Address already in use): give another" in capsys.readouterr().err
