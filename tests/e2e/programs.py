"""The servers beside Airflow: ``python -m tests.e2e.programs`` finds them, or installs them on Debian if it may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

DEBIAN = "/usr/lib/postgresql"
"""Below it Debian has a folder for each release, out of everybody's search path."""


class ProgramMissing(Exception):
    """A program is not installed; the message names Debian's package."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"{program} is not installed. `make services` installs it where it may; "
            f"on Debian the package is {package}: apt-get install -y {package}"
        )
        self.package = package


def postgres_folder(debian: str = DEBIAN) -> Path:
    """Return the folder of PostgreSQL's programs, of the newest release that has a server.

    :param debian: where to look beside the search path
    :raises ProgramMissing: if there is none
    """
    releases = [path for path in Path(debian).glob("*/bin") if path.parent.name.isdigit()]
    folders = [*sorted(releases, key=lambda path: -int(path.parent.name)), *_told_by_pg_config(), *_searched("initdb")]
    for folder in folders:
        if (folder / "initdb").exists():  # pg_config alone comes with the headers for clients, too
            return folder
    raise ProgramMissing("PostgreSQL's server", "postgresql")


def redis_server() -> Path:
    """Return the program of Redis.

    :raises ProgramMissing: if there is none
    """
    for folder in _searched("redis-server"):
        return folder / "redis-server"
    raise ProgramMissing("Redis", "redis-server")


def _told_by_pg_config() -> list[Path]:
    told = [subprocess.check_output([folder / "pg_config", "--bindir"], text=True) for folder in _searched("pg_config")]
    return [Path(each.strip()) for each in told]


def _searched(program: str) -> list[Path]:
    found = shutil.which(program)
    return [Path(found).parent] if found else []


PROGRAMS: tuple[Callable[[], Path], ...] = (postgres_folder, redis_server)


def missing() -> list[ProgramMissing]:
    """Return what is not installed."""
    found = []
    for program in PROGRAMS:
        try:
            program()
        except ProgramMissing as error:
            found.append(error)
    return found


def main() -> int:
    """Install what is missing, as root on Debian; say what is missing still, and return the exit status."""
    if (packages := [error.package for error in missing()]) and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", *packages]):
            subprocess.run(["apt-get", *command], check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    for error in missing():
        print(error, file=sys.stderr)
    return int(bool(missing()))


if __name__ == "__main__":
    sys.exit(main())
