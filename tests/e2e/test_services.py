"""The servers beside Airflow, and what is said where they are not installed."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy

from tests.e2e import programs, services


@pytest.mark.slow
def test_a_database_that_leaves_nothing_behind() -> None:
    with services.postgres() as address:
        engine = sqlalchemy.create_engine(address)
        with engine.connect() as connection:
            folder = connection.execute(sqlalchemy.text("SHOW data_directory")).scalar_one()
        engine.dispose()
        assert Path(folder).exists()
        port = urlsplit(address).port
    assert not Path(folder).exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.slow
def test_a_broker_that_leaves_nothing_behind() -> None:
    with services.redis() as address:
        port = urlsplit(address).port
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_cluster_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "initdb").write_text("#!/bin/sh\necho no space left on the device >&2; exit 1\n")
    (tmp_path / "initdb").chmod(0o755)
    monkeypatch.setattr(services, "postgres_folder", lambda: tmp_path)
    monkeypatch.setattr(services, "_owner", dict)
    with pytest.raises(AssertionError, match=r"could not be made\.\nno space left"), services.postgres():
        pass


def test_a_missing_program_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(programs.ProgramMissing, match=r"make services.*apt-get install -y postgresql"):
        programs.postgres_folder(debian=str(tmp_path))
    with pytest.raises(programs.ProgramMissing, match="apt-get install -y redis-server"):
        programs.redis_server()


def test_the_newest_release_that_has_a_server(tmp_path: Path) -> None:
    for release, program in (("9", "initdb"), ("15", "initdb"), ("17", "psql")):
        folder = tmp_path / release / "bin"
        folder.mkdir(parents=True)
        (folder / program).touch()
    assert programs.postgres_folder(debian=str(tmp_path)) == tmp_path / "15" / "bin"
