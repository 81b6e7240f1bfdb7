"""Where the definition of a workflow comes from: folders, files, archives and S3, as one archive and one digest."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks import definition as module
from airflow_provider_omics.hooks.definition import digest_in_s3, source_of
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.resources import RULES, Rule
from tests.archives import zipped

FILES = {"main.wdl": "version 1.0", "tasks/align.wdl": "version 1.0\n", "bin/count.sh": "#!/bin/sh\n"}


def folder(root: Path, files: dict[str, str] = FILES) -> Path:
    """Write files below a folder; those in ``bin`` can be executed."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o700 if name.startswith("bin/") else 0o600)
    return root


def opened(location: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(source_of(str(location)).members["definitionZip"]))


def test_an_archive_holds_the_files_sorted_and_without_what_changes(tmp_path: Path) -> None:
    archive = opened(folder(tmp_path / "a"))
    assert archive.namelist() == ["bin/count.sh", "main.wdl", "tasks/align.wdl"]
    assert {name: archive.read(name).decode() for name in archive.namelist()} == FILES
    assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    modes = {info.filename: oct(info.external_attr >> 16) for info in archive.infolist()}
    assert modes == {"bin/count.sh": "0o100755", "main.wdl": "0o100644", "tasks/align.wdl": "0o100644"}


def test_equal_files_make_equal_bytes_wherever_and_whenever_they_were_written(tmp_path: Path) -> None:
    first = folder(tmp_path / "a")
    second = folder(tmp_path / "b", dict(reversed(FILES.items())))
    os.utime(second / "main.wdl", (0, 0))
    (second / "main.wdl").chmod(0o664)
    link = tmp_path / "link"
    link.symlink_to(second)  # the folder itself may be a link
    assert source_of(str(first)) == source_of(str(second)) == source_of(str(link))


def test_a_digest_tells_contents_names_and_modes_apart(tmp_path: Path) -> None:
    digests = set()
    for number, change in enumerate(({}, {"main.wdl": "version 1.1"}, {"main2.wdl": ""})):
        digests.add(source_of(str(folder(tmp_path / str(number), FILES | change))).digest)
    plain = folder(tmp_path / "plain")
    (plain / "bin" / "count.sh").chmod(0o600)
    digests.add(source_of(str(plain)).digest)
    assert len(digests) == 4


def test_what_is_no_part_of_a_definition_is_left_out(tmp_path: Path) -> None:
    whole = folder(tmp_path / "a", FILES | {".git/HEAD": "", ".DS_Store": "", "__pycache__/x.pyc": "", "a/.b/c": ""})
    assert source_of(str(whole)) == source_of(str(folder(tmp_path / "b")))


def test_a_file_is_an_archive_of_one(tmp_path: Path) -> None:
    folder(tmp_path)
    assert opened(tmp_path / "main.wdl").namelist() == ["main.wdl"]
    (tmp_path / "alone").mkdir()
    folder(tmp_path / "alone", {"main.wdl": "version 1.0"})
    assert source_of(str(tmp_path / "main.wdl")) == source_of(str(tmp_path / "alone"))


def test_an_archive_is_the_same_source_as_its_folder(tmp_path: Path) -> None:
    source = folder(tmp_path / "a")
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.mkdir("tasks")
        for name in FILES:
            archive.write(source / name, name)
    (tmp_path / "a.zip").write_bytes(body.getvalue())
    assert source_of(str(tmp_path / "a.zip")) == source_of(str(source))


def linked(root: Path) -> Path:
    (folder(root) / "secrets").symlink_to("/etc")
    return root


def piped(root: Path) -> Path:
    os.mkfifo(folder(root) / "main.nf")
    return root


def archived(files: dict[str, str | bytes], root: Path) -> Path:
    root.write_bytes(zipped(files))
    return root


def link_in_archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("main.wdl")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return path


def damaged(path: Path) -> Path:
    path.write_bytes(zipped({"main.wdl": "version 1.0"}).replace(b"version 1.0", b"version 2.0", 1))
    return path


def empty(path: Path) -> Path:
    path.mkdir()
    (path / ".gitkeep").touch()
    return path


REFUSED: dict[str, tuple[Any, str]] = {
    "a link in a folder": (linked, "secrets is a link or a device"),
    "a pipe in a folder": (piped, "main.nf is a link or a device"),
    "a path upwards": (
        lambda path: archived({"../main.wdl": ""}, path),
        "'../main.wdl'; only files in",
    ),
    "an absolute path": (lambda path: archived({"/main.wdl": ""}, path), "'/main.wdl'; only files in"),
    "a link in an archive": (link_in_archive, "'main.wdl'; only files in its own folders"),
    "a damaged archive": (damaged, "is not a ZIP archive that can be read: Bad CRC"),
    "nothing": (empty, "holds no file"),
    "an empty archive": (lambda path: archived({}, path), "holds no file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_definition_is_refused(case: str, tmp_path: Path) -> None:
    make, message = REFUSED[case]
    with pytest.raises(errors.OmicsInputError, match=message) as caught:
        source_of(str(make(tmp_path / "definition")))
    assert caught.value.argument == "definition"


def test_what_is_not_there_may_come_later(tmp_path: Path) -> None:
    with pytest.raises(errors.DefinitionUnreadable, match="No such file or directory") as caught:
        source_of(f"{tmp_path}/none")
    assert not isinstance(caught.value, errors.OmicsInputError)


def test_the_limits_of_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = source_of(str(folder(tmp_path / "a"))).members["definitionZip"]
    rules = {**RULES, "workflow_definitions.zip_bytes": Rule(len(body), "the source")}
    monkeypatch.setattr(module, "RULES", rules)
    source_of(str(tmp_path / "a"))
    (tmp_path / "a" / "more.wdl").write_text("")
    with pytest.raises(errors.OmicsInputError, match=rf"a request takes {len(body)} \(the source\)\. Upload .* to S3"):
        source_of(str(tmp_path / "a"))
    monkeypatch.setattr(module, "DEFINITION_BYTES", 30)
    archived({"a": "1" * 20, "b": "2" * 20}, tmp_path / "b.zip")
    (tmp_path / "c.wdl").write_text("3" * 31)
    for name in ("a", "b.zip", "c.wdl"):
        with pytest.raises(errors.OmicsInputError, match="has more than 30 bytes"):
            source_of(str(tmp_path / name))


@pytest.fixture
def s3(omics_connection: str, omics_bucket: str) -> Any:
    """Return boto3's client of the emulated S3."""
    from airflow_provider_omics.hooks.s3 import client

    return client(OmicsHook())


def test_an_object_in_s3_is_told_by_its_content(s3: Any, omics_bucket: str) -> None:
    digests = []
    for key, body in (("a.zip", b"1"), ("b/a.zip", b"1"), ("a.zip", b"2")):
        s3.put_object(Bucket=omics_bucket, Key=key, Body=body)
        uri = f"s3://{omics_bucket}/{key}"
        assert source_of(uri).members == {"definitionUri": uri}
        digests.append(digest_in_s3(OmicsHook(), uri))
    assert digests[0] == digests[1] != digests[2]
    assert all(len(digest) == 64 for digest in digests)


def test_an_object_in_s3_that_is_no_good(s3: Any, omics_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.DefinitionUnreadable, match="404"):
        digest_in_s3(OmicsHook(), f"s3://{omics_bucket}/none.zip")
    with pytest.raises(errors.OmicsInputError, match="no object in it"):
        digest_in_s3(OmicsHook(), f"s3://{omics_bucket}")
    s3.put_object(Bucket=omics_bucket, Key="large.zip", Body=b"12345")
    monkeypatch.setattr(module, "RULES", {"workflow_definitions.s3_bytes": Rule(4, "the source")})
    with pytest.raises(errors.OmicsInputError, match="has 5 bytes; 4 are allowed"):
        digest_in_s3(OmicsHook(), f"s3://{omics_bucket}/large.zip")
