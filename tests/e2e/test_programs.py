"""The programs that tests need: who may install them, and what is said where they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e import programs


def test_a_missing_program_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(programs.ProgramMissing, match=r"package is postgresql: .*make services INSTALL=1"):
        programs.postgres_folder(debian=str(tmp_path))
    with pytest.raises(programs.ProgramMissing, match="package is redis-server"):
        programs.redis_server()
    with pytest.raises(programs.ProgramMissing, match="package is chromium"):
        programs.chromium()


@pytest.mark.parametrize(
    ("variables", "may"),
    [
        ({}, False),
        ({"INSTALL": "0"}, False),
        ({"INSTALL": "1"}, True),
        ({"CI": "true"}, True),
        ({"CI": "false"}, False),
    ],
)
def test_packages_are_installed_only_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], may: bool
) -> None:
    installed: list[str] = []
    monkeypatch.setattr(programs, "missing", lambda packages: [programs.ProgramMissing("Redis", "redis-server")])
    monkeypatch.setattr(programs, "apt_get", lambda *words: installed.extend(words))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for name in ("INSTALL", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert programs.main([]) == 1, "it is missing still"
    assert ("redis-server" in installed) is may


APT_GET = """#!/bin/sh
echo "$*" >> "$CALLS"
if [ "$(grep -c . "$CALLS")" -le "$HELD_TIMES" ]; then
    echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2
    exit 100
fi
exit "$EXIT"
"""


@pytest.mark.parametrize(("held", "status"), [(0, 0), (2, 0), (1, 100)])
def test_apt_get_waits_for_each_of_its_locks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: int, status: int
) -> None:
    (tmp_path / "apt-get").write_text(APT_GET)
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name, value in {"CALLS": tmp_path / "calls", "HELD_TIMES": held, "EXIT": status}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(programs, "LOOK_SECONDS", 0.0)
    if status:
        with pytest.raises(subprocess.CalledProcessError):
            programs.apt_get("update", "-qq")
    else:
        programs.apt_get("update", "-qq")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["-o DPkg::Lock::Timeout=900 update -qq"] * (held + 1)


def test_the_newest_release_that_has_a_server(tmp_path: Path) -> None:
    for release, program in (("9", "initdb"), ("15", "initdb"), ("17", "psql")):
        folder = tmp_path / release / "bin"
        folder.mkdir(parents=True)
        (folder / program).touch()
    assert programs.postgres_folder(debian=str(tmp_path)) == tmp_path / "15" / "bin"
