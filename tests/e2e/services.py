"""A PostgreSQL and a Redis of a test's own: on free ports of the loopback, in temporary folders, gone with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.e2e.airflow_processes import HOST, free_port
from tests.e2e.programs import postgres_folder, redis_server
from tests.limit import LIMIT_SECONDS

LOOK_SECONDS = 0.1
USER = "airflow"
CONNECTIONS = 200
"""Airflow's processes hold up to fifteen each, and Celery's workers one for each task."""

OWNERS = ("postgres", "nobody")
"""Who a server runs as where the tests are run by root: the first of these that the machine has."""


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL cluster, and yield the address of its database for SQLAlchemy.

    Nothing in it outlives a crash of the machine, and everybody on the machine may connect.

    :raises ProgramMissing: if PostgreSQL is not installed
    """
    programs, port = postgres_folder(), free_port()
    with _folder("omics-postgres-") as home:
        data = f"{home}/data"
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        make = [f"{programs}/initdb", "-D", data, "-U", USER, *options]
        done = subprocess.run(make, capture_output=True, text=True, check=False, cwd=home, **_owner())
        if done.returncode:
            raise AssertionError(f"PostgreSQL's cluster could not be made.\n{done.stdout}{done.stderr}")
        settings: dict[str, object] = {
            "listen_addresses": HOST,
            "unix_socket_directories": home,
            "max_connections": CONNECTIONS,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [f"{programs}/postgres", "-D", data, "-p", str(port), *options]
        ready = [f"{programs}/pg_isready", "-q", "-h", HOST, "-p", str(port)]
        with _running(command, home, lambda: subprocess.run(ready, check=False).returncode == 0):
            yield f"postgresql+psycopg2://{USER}@{HOST}:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """Start a Redis that stores nothing, and yield its address.

    :raises ProgramMissing: if Redis is not installed
    """
    port = free_port()
    command = [str(redis_server()), "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]

    def ready() -> bool:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16) == b"+PONG\r\n"
        return False

    with _folder("omics-redis-") as home, _running(command, home, ready):
        yield f"redis://{HOST}:{port}/0"


def _owner() -> dict[str, Any]:
    """Return arguments of a process by which it does not run as root: PostgreSQL refuses to."""
    if os.geteuid() != 0:
        return {}
    for name in OWNERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise AssertionError(f"PostgreSQL refuses to run as root, and this machine has no user {' or '.join(OWNERS)}.")


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    """Make a folder that the owner of the server can reach, which those of pytest are not."""
    home, owner = Path(tempfile.mkdtemp(prefix=prefix)), _owner()
    try:
        if owner:
            os.chown(home, owner["user"], owner["group"])
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _running(command: Sequence[str], home: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server until the block ends."""
    log = home / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **_owner(),
        )
    try:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} is not ready.\n{log.read_text(errors='replace')}")
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # to PostgreSQL: do not wait for clients
        try:
            server.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise
