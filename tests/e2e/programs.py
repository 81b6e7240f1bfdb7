"""Programs that tests need: ``python -m tests.e2e.programs [PACKAGE…]`` looks for them, and installs them if asked.

``INSTALL=1`` asks for it, as continuous integration does by ``CI=true``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.limit import LIMIT_SECONDS

DEBIAN = "/usr/lib/postgresql"
"""Below it Debian has a folder for each release, out of everybody's search path."""

HELD = "Could not get lock"
"""What apt-get says where another process holds a lock."""
LOOK_SECONDS = 0.5


class ProgramMissing(Exception):
    """A program is not installed; the message names Debian's package."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"{program} is not installed. Debian's package is {package}: "
            "as root, `make services INSTALL=1` installs what tests need"
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


def chromium() -> Path:
    """Return the program of the browser.

    :raises ProgramMissing: if there is none
    """
    for folder in _searched("chromium"):
        return folder / "chromium"
    raise ProgramMissing("Chromium", "chromium")


def _told_by_pg_config() -> list[Path]:
    told = [subprocess.check_output([folder / "pg_config", "--bindir"], text=True) for folder in _searched("pg_config")]
    return [Path(each.strip()) for each in told]


def _searched(program: str) -> list[Path]:
    found = shutil.which(program)
    return [Path(found).parent] if found else []


PROGRAMS: dict[str, Callable[[], Path]] = {
    "postgresql": postgres_folder,
    "redis-server": redis_server,
    "chromium": chromium,
}
"""What looks for each program, by Debian's package."""


def missing(packages: Sequence[str]) -> list[ProgramMissing]:
    """Return what is not installed of some packages."""
    found = []
    for package in packages:
        try:
            PROGRAMS[package]()
        except ProgramMissing as error:
            found.append(error)
    return found


def apt_get(*words: str) -> None:
    """Run apt-get as soon as no other process holds one of its locks.

    By itself it waits for dpkg's lock only, and gives up where the one of its lists or of its archive is held.

    :raises CalledProcessError: if it fails
    """
    command = ["apt-get", "-o", f"DPkg::Lock::Timeout={LIMIT_SECONDS:.0f}", *words]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
        if HELD not in done.stderr or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    sys.stderr.write(done.stderr)
    done.check_returncode()


def may_install() -> bool:
    """Tell whether somebody asks for Debian's packages, who is allowed to install them."""
    asked = os.environ.get("INSTALL") == "1" or os.environ.get("CI") == "true"
    return asked and os.geteuid() == 0 and shutil.which("apt-get") is not None


def main(packages: Sequence[str]) -> int:
    """Install what is missing where that is asked for, say what is missing still, and return the exit status.

    :param packages: keys of :data:`PROGRAMS`; none means all of them
    """
    wanted = packages or [*PROGRAMS]
    if (lacking := [error.package for error in missing(wanted)]) and may_install():
        apt_get("update", "-qq")
        apt_get("install", "-y", "-qq", *lacking)
    for error in missing(wanted):
        print(error, file=sys.stderr)
    return int(bool(missing(wanted)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
