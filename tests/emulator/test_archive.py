"""Archives from anybody: what is no good is refused in words, and nothing of them reaches the disk."""

from __future__ import annotations

import io
import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_omics.emulator import archive as archives
from airflow_provider_omics.emulator.archive import files_of
from airflow_provider_omics.emulator.definition import DefinitionError, main_of
from tests.archives import archive, zipped


def entry(name: str, *, mode: int = 0o644 | stat.S_IFREG, content: str = "x") -> bytes:
    """Return an archive of one entry of some kind."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        made.writestr(info, content)
    return body.getvalue()


def test_folders_are_left_out_and_paths_are_made_plain() -> None:
    body = zipped({"tasks/": "", "tasks//align.wdl": "a", "./main.wdl": "m", "bin/run.sh": b"\x00\xff"})
    assert files_of(body) == {"tasks/align.wdl": b"a", "main.wdl": b"m", "bin/run.sh": b"\x00\xff"}


def encrypted() -> bytes:
    body = bytearray(archive())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(signature) + offset] |= 1
    return bytes(body)


def damaged() -> bytes:
    body = archive("version 1.0")
    return body.replace(b"version 1.0", b"version 2.0", 1)


def twice() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        made.writestr("main.wdl", "a")
        made.writestr("./main.wdl", "b")
    return body.getvalue()


def many() -> bytes:
    return zipped({f"{number}.wdl": "" for number in range(archives.MOST_FILES + 1)})


def bomb() -> bytes:
    """Return an archive of a kilobyte that says it unpacks to a gigabyte."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("main.wdl", b"\0" * 100_000)
    content = body.getvalue()
    assert len(content) < 1000
    return content.replace(struct.pack("<I", 100_000), struct.pack("<I", 1024**3))


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "text": (lambda: b"workflow {}", "not a ZIP archive"),
    "empty": (lambda: b"", "not a ZIP archive"),
    "cut off": (lambda: archive()[:-10], "not a ZIP archive"),
    "damaged": (damaged, "not a ZIP archive that can be read: Bad CRC-32"),
    "encrypted": (encrypted, "not a ZIP archive that can be read: .*encrypted"),
    "absolute": (lambda: entry("/etc/cron.d/x"), "leads out of its own folder"),
    "upwards": (lambda: entry("../../.ssh/authorized_keys"), "leads out of its own folder"),
    "upwards inside": (lambda: entry("a/../../x"), "leads out of its own folder"),
    "backslashes": (lambda: entry("a\\..\\..\\x"), "leads out of its own folder"),
    "drive": (lambda: entry("C:/x"), "leads out of its own folder"),
    "share": (lambda: entry("//host/share/x"), "leads out of its own folder"),
    "link": (lambda: entry("main.wdl", mode=0o777 | stat.S_IFLNK, content="/etc/passwd"), "is a link or a device"),
    "device": (lambda: entry("main.wdl", mode=0o777 | stat.S_IFCHR), "is a link or a device"),
    "twice": (twice, "'main.wdl' more than once"),
    "file and folder": (lambda: zipped({"a": "x", "a/b/c.wdl": "y"}), "'a' both as a file and as a folder"),
    "long name": (lambda: entry("ä" * 128), "too long: a name may have 255 bytes"),
    "long path": (lambda: entry("/".join(["a" * 200] * 6)), "too long: .* and a path 1024"),
    "many": (many, "10001 entries"),
    "bomb": (bomb, "unpacks to 1073741824 bytes"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_good_is_refused(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    body, message = BROKEN[case]
    with pytest.raises(DefinitionError, match=message):
        files_of(body())
    assert list(tmp_path.iterdir()) == []


def test_whatever_the_bytes_there_are_files_or_a_reason() -> None:
    """Broken archives make Python's zipfile raise errors of a dozen kinds."""
    chance, read, refused = random.Random(1), 0, []
    for number in range(1000):
        body = io.BytesIO()
        with zipfile.ZipFile(
            body, "w", (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)[number % 3]
        ) as made:
            made.writestr("tasks/ä.wdl", "version 1.0")
        broken = bytearray(body.getvalue())
        for _ in range(chance.randint(1, 4)):
            where = chance.randrange(len(broken))
            broken[where : where + chance.choice((0, 1, 1, 4))] = chance.randbytes(chance.choice((0, 1, 1, 4)))
        try:
            files_of(bytes(broken))
            read += 1
        except DefinitionError as error:
            refused.append(str(error))
    assert min(read, len(refused)) > 10
    assert all(message.isprintable() for message in refused)


def test_a_size_that_lies_is_not_believed() -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("main.wdl", b"\0" * 100_000)
    small = body.getvalue().replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    with pytest.raises(DefinitionError, match="not a ZIP archive that can be read"):
        files_of(small)


MAINS: dict[str, tuple[tuple[str, ...], str | None, str | None, str]] = {
    "the only one": (("a/germline.wdl", "README.md"), None, None, "a/germline.wdl"),
    "the one named main": (("main.nf", "modules/align.nf"), None, None, "main.nf"),
    "the only one of its engine": (("main.nf", "germline.wdl"), None, "WDL", "germline.wdl"),
    "the one that is told": (("a.wdl", "b.wdl"), "b.wdl", None, "b.wdl"),
    "whatever is told": (("steps.txt", "a.wdl"), "./steps.txt", "WDL", "steps.txt"),
}


@pytest.mark.parametrize("case", MAINS)
def test_the_main_file(case: str) -> None:
    paths, main, engine, found = MAINS[case]
    assert main_of(dict.fromkeys(paths, b""), main, engine) == found


AMBIGUOUS: dict[str, tuple[tuple[str, ...], str | None, str | None, str]] = {
    "two": (("a.wdl", "b.wdl"), None, None, "Exactly one main file is needed.* a.wdl, b.wdl"),
    "two named main": (("main.wdl", "main.cwl"), None, None, "Exactly one main file"),
    "none": (("README.md",), None, "NEXTFLOW", "no .nf file; it has README.md"),
    "nothing": ((), None, None, "it has none at all"),
    "not there": (("a.wdl",), "b.wdl", None, "no file b.wdl"),
    "many": (tuple(f"{n}.cwl" for n in range(12)), None, None, "and 2 more"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_no_main_file(case: str) -> None:
    paths, main, engine, message = AMBIGUOUS[case]
    with pytest.raises(DefinitionError, match=message):
        main_of(dict.fromkeys(paths, b""), main, engine)
