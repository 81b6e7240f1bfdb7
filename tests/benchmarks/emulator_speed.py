"""Measure how fast the emulator is, beside moto's own server: ``python -m tests.benchmarks.emulator_speed``.

moto emulates no HealthOmics, so that GetRunCache is measured beside the lightest call of moto's that AWS's clients make
all the time, HeadBucket of S3. Both servers are processes of their own, and take turns, so that a drift of the machine
meets both alike; every figure is a median.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from airflow_provider_omics.emulator.connection import CREDENTIALS
from airflow_provider_omics.resources import RUN
from tests.archives import archive
from tests.benchmarks.report import Row

STARTS = 9
ROUNDS = 10
REQUESTS = 100
"""How many requests a round has of each kind: the first few are slow, since the other server has had the processors."""
RUNS = 10_000
OURS = "airflow_provider_omics.emulator"
WDL_RUNS = 5
PATIENCE = 60
"""How many seconds a server may take until it answers."""
THREE = """
version 1.0
workflow three {
    call step as first { input: text = "one" }
    call step as second { input: text = first.said }
    call step as third { input: text = second.said }
    output { String said = third.said }
}
task step {
    input { String text }
    command <<< echo ~{text}, and on >>>
    output { String said = read_string(stdout()) }
}
"""
ROLE = "arn:aws:iam::123456789012:role/omics"


@contextmanager
def serving(module: str, *options: str) -> Iterator[tuple[str, float, int]]:
    """Start a server; yield its address, the seconds until it answered a first request, and its process's id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", module, "--port", str(port), *options]
    # Both packages are to be compiled: one is when it is installed, the other one when it is first run.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            path = "/runCache" if module == OURS else "/"
            while not answers(port, path):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                    raise RuntimeError(f"{' '.join(command)} does not answer (status {process.returncode}).")
                time.sleep(0.005)
            yield f"http://127.0.0.1:{port}", time.perf_counter() - began, process.pid
        finally:
            process.terminate()


def answers(port: int, path: str) -> bool:
    """Return whether a server answers a request for what it lists."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def side_by_side(*calls: Callable[[], object]) -> tuple[float, ...]:
    """Return for each of some calls the milliseconds that it takes, the median of all that are made in turn."""
    took: tuple[list[float], ...] = tuple([] for _ in calls)
    for _ in range(ROUNDS):
        for call, each in zip(calls, took, strict=True):
            for _ in range(REQUESTS):
                began = time.perf_counter()
                call()
                each.append((time.perf_counter() - began) * 1000)
    return tuple(map(statistics.median, took))


class Raw:
    """HTTP/1.1 on a bare socket, so that the server's time is measured rather than a client's."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host = (address.hostname, address.port)
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._host, timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def __call__(self, method: str, path: str, body: Any = None) -> bytes:
        """Return the body of the answer."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host[0]}\r\nContent-Length: {len(sent)}\r\n\r\n"
        self._socket.sendall(head.encode() + sent)
        status, fields = self._file.readline(), {}
        while line := self._file.readline().strip().lower():
            name, _, value = line.partition(b":")
            fields[name] = value.strip()
        content = b"" if method == "HEAD" else self._file.read(int(fields.get(b"content-length", 0)))
        assert status.split()[1].startswith(b"2"), (method, path, status, content)
        if fields.get(b"connection") == b"close":
            self._connect()
        return content


def client(service: str, url: str) -> Any:
    """Return a boto3 client of a server."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(inject_host_prefix=False),
    )


def starts() -> Iterator[Row]:
    """Yield what it takes until a first request is answered."""
    seconds: dict[str, list[float]] = {"moto.server": [], OURS: []}
    for _ in range(STARTS + 1):
        for module, each in seconds.items():
            with serving(module) as (_, took, _):
                each.append(took)
    theirs, ours = (statistics.median(each[1:]) for each in seconds.values())  # the first one meets cold caches
    yield Row("from the command to the first answer", "s", theirs, ours, float("inf"), 1 / 2)


def requests() -> Iterator[Row]:
    """Yield what a request takes, by boto3 and without."""
    with serving("moto.server") as (moto, _, _), serving(OURS) as (emulator, _, _):
        s3, omics = client("s3", moto), client("omics", emulator)
        s3.create_bucket(Bucket="genomes")
        client("s3", emulator).create_bucket(Bucket="genomes")
        cache_id = omics.create_run_cache(cacheS3Location="s3://genomes/cache")["id"]
        raw_moto, raw_emulator = Raw(moto), Raw(emulator)
        kinds: dict[str, tuple[Callable[[], object], Callable[[], object], float]] = {
            "a request of one boto3 client": (
                lambda: s3.head_bucket(Bucket="genomes"),
                lambda: omics.get_run_cache(id=cache_id),
                1 / 3,
            ),
            "a request of plain HTTP": (
                lambda: raw_moto("HEAD", "/genomes"),
                lambda: raw_emulator("GET", f"/runCache/{cache_id}"),
                1 / 10,
            ),
        }
        for title, (head_bucket, get_run_cache, share) in kinds.items():
            theirs, ours = side_by_side(head_bucket, get_run_cache)
            yield Row(title, "ms", theirs, ours, float("inf"), share)


def many_runs() -> Iterator[Row]:
    """Yield what many runs cost that have all ended, beside a few."""
    with serving(OURS, "--no-neighbours") as (one, _, _), serving(OURS, "--no-neighbours") as (other, _, pid):
        few, many = Raw(one), Raw(other)
        start(few, 100)
        start(many, RUNS)
        page = ("GET", "/run?maxResults=100")
        of_few, of_many = side_by_side(lambda: few(*page), lambda: many(*page))
        yield Row("a page of ListRuns, 100 runs in all", "ms", None, of_few, float("inf"))
        yield Row(f"a page of ListRuns, {RUNS:,} runs in all", "ms", None, of_many, round(1.2 * of_few, 2))
        yield Row(f"memory of the process with {RUNS:,} runs", "MB", None, resident(pid) / 1e6, 200)


def start(raw: Raw, runs: int) -> None:
    """Start runs, and let a day pass, in which they complete."""
    raw("POST", "/workflow", {"requestId": "cohort", "definitionUri": "s3://genomes/cohort.zip"})
    workflow_id = json.loads(raw("GET", "/workflow"))["items"][0]["id"]
    raw("POST", "/_emulator/clock", {"advance": 60})
    request = {"workflowId": workflow_id, "roleArn": ROLE, "outputUri": "s3://genomes/runs"}
    for number in range(runs):
        raw("POST", "/run", {**request, "requestId": str(number), "name": f"sample {number}"})
    raw("POST", "/_emulator/clock", {"advance": 86_400})
    assert {run["status"] for run in json.loads(raw("GET", "/run"))["items"]} == {"COMPLETED"}


def wdl_run() -> Iterator[Row]:
    """Yield what a run of three small tasks takes that is really executed, from StartRun to its end."""
    with serving(OURS, "--engine", "wdl", "--bucket", "genomes") as (url, _, _):
        omics = client("omics", url)
        workflow_id = omics.create_workflow(name="three", definitionZip=archive(THREE))["id"]
        omics.get_waiter("workflow_active").wait(id=workflow_id)
        took = []
        for _ in range(WDL_RUNS):
            began = time.perf_counter()
            run_id = omics.start_run(workflowId=workflow_id, roleArn=ROLE, outputUri="s3://genomes/runs")["id"]
            while (run := omics.get_run(id=run_id))["status"] not in RUN.ended:
                time.sleep(0.02)
            took.append(time.perf_counter() - began)
            assert run["status"] == "COMPLETED", run
        yield Row("a WDL run of three tasks, one after another", "s", None, statistics.median(took), 3)


def resident(pid: int) -> int:
    """Return how many bytes of memory a process holds."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(shown) * 1024


def main() -> int:
    """Print the table, and fail if a target is missed."""
    stack = f"{os.cpu_count()} cores, Python {platform.python_version()}, moto {version('moto')}"
    print(f"medians of {STARTS} starts and of {ROUNDS * REQUESTS:,} requests of each kind; {stack}")
    print(f"{'':51}{'moto server':>16}{'emulator':>16}{'ratio':>8}  target", flush=True)
    missed = False
    for measure in (starts, requests, many_runs, wdl_run):
        for row in measure():
            print(row, flush=True)
            missed |= not row.held
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
