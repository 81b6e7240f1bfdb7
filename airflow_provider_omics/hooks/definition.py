"""What a workflow is made of: a folder, a file, a ZIP archive or an object in S3, as a request takes it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.exceptions import DefinitionUnreadable, OmicsInputError
from airflow_provider_omics.hooks import errors
from airflow_provider_omics.hooks.files import read
from airflow_provider_omics.limits import DEFINITION_BYTES, DEFINITION_FILES, TooLarge
from airflow_provider_omics.resources import RULES

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

ARGUMENT = "definition"
LEFT_OUT = ("__pycache__",)
"""Folders that are no part of a definition, besides all files and folders whose names begin with a dot."""
ENTRY = b"PK\x01\x02"
"""What each file's entry in the directory of a ZIP archive begins with: APPNOTE.TXT, section 4.3.12. zipfile makes an
object of each entry before it tells how many there are."""
TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive: the earliest that ZIP knows."""


@dataclass(frozen=True)
class File:
    """One file of a definition."""

    content: bytes
    executable: bool
    """Nextflow runs scripts of ``bin/`` as they are."""

    @classmethod
    def of(cls, content: bytes, mode: int) -> File:
        """Take over the one bit of a file's mode that counts."""
        return cls(content, bool(mode & stat.S_IXUSR))


@dataclass(frozen=True)
class Source:
    """The source of a workflow.

    :param members: what says it in a request: ``definitionZip`` or ``definitionUri``
    :param digest: 64 hexadecimal digits that stand for its files; None where it lies in S3
    """

    members: Mapping[str, Any]
    digest: str | None = None


def source_of(location: str) -> Source:
    """Return the source at a location, from this machine with its content.

    :param location: the absolute path of a folder, a file or a ZIP archive, or the S3 URI of a ZIP archive
    :raises OmicsInputError: if it is none of these, holds what is no file, or is too large
    :raises DefinitionUnreadable: if it is not there, or may not be read
    """
    if location.startswith("s3://"):
        return Source({"definitionUri": location})
    path = Path(location)
    if not path.is_absolute():
        raise OmicsInputError(ARGUMENT, f"{location!r} is neither an absolute path nor an S3 URI.")
    try:
        files = _files(path)
    except TooLarge:
        raise OmicsInputError(
            ARGUMENT, f"{path} has more than {DEFINITION_BYTES:,} bytes; does it hold data besides the definition?"
        ) from None
    except OSError as error:
        raise DefinitionUnreadable(location, str(error.strerror)) from error
    if not files:
        raise OmicsInputError(ARGUMENT, f"{location} holds no file.")
    body = archive(files)
    rule, larger = RULES["workflow_definitions.zip_bytes"], RULES["workflow_definitions.s3_bytes"]
    if len(body) > int(rule.limit):
        raise OmicsInputError(
            ARGUMENT,
            f"{location} has {len(body):,} bytes as a ZIP archive; a request takes {rule.limit:,} ({rule.source}). "
            f"Upload the archive to S3, where up to {larger.limit:,} are allowed, and give its S3 URI.",
        )
    return Source({"definitionZip": body}, _digest(files))


def archive(files: Mapping[str, File]) -> bytes:
    """Return files as a ZIP archive, the same bytes for the same files."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, TIME)
            info.create_system = 3  # Unix, whose modes these are
            info.external_attr = (stat.S_IFREG | (0o755 if files[path].executable else 0o644)) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, files[path].content)
    return body.getvalue()


def digest_in_s3(hook: OmicsHook, uri: str, owner: str | None = None) -> str:
    """Return 64 hexadecimal digits that stand for the content of an object in S3, by its ETag.

    :param owner: the account that must own the bucket, 12 digits; None where the request does not say it
    :raises OmicsInputError: if it is too large
    :raises DefinitionUnreadable: if it is not there, or may not be read
    """
    from airflow_provider_omics.hooks import s3

    try:
        bucket, key = s3.split(uri)
        if not key:
            raise OmicsInputError(ARGUMENT, f"{uri} names a bucket, but no object in it.")
        found = s3.client(hook).head_object(Bucket=bucket, Key=key, **s3.owned_by(owner))
    except (BotoCoreError, ClientError) as error:
        raise DefinitionUnreadable(uri, str(error)) from errors.cleaned(error)
    rule = RULES["workflow_definitions.s3_bytes"]
    if found["ContentLength"] > int(rule.limit):
        raise OmicsInputError(
            ARGUMENT, f"{uri} has {found['ContentLength']:,} bytes; {rule.limit:,} are allowed ({rule.source})."
        )
    return hashlib.sha256(f"etag {found['ETag']}".encode()).hexdigest()


def _digest(files: Mapping[str, File]) -> str:
    """Return a digest of files, whatever archive they came in: compression differs from library to library."""
    known = [[path, hashlib.sha256(file.content).hexdigest(), file.executable] for path, file in sorted(files.items())]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _files(path: Path) -> dict[str, File]:
    if path.is_dir():
        return dict(_of_folder(path.resolve()))  # the folder itself may be a link, as those of git-sync are
    content = read(path, DEFINITION_BYTES)
    if zipfile.is_zipfile(io.BytesIO(content)):
        _check_count(path, content.count(ENTRY))
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as zipped:
                return dict(_of_archive(path, zipped))
        except (OmicsInputError, TooLarge):
            raise
        except Exception as error:  # zipfile meets broken bytes with errors of a dozen kinds
            raise OmicsInputError(
                ARGUMENT, f"{path} is not a ZIP archive that can be read: {error}."
            ) from errors.cleaned(error)
    return {path.name: File.of(content, path.stat().st_mode)}


def _of_folder(root: Path) -> Iterator[tuple[str, File]]:
    size = count = 0
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith(".")]
        for name in (*folders, *(name for name in names if not name.startswith("."))):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise OmicsInputError(ARGUMENT, f"{path} is a link or a device; put files in its place.")
            count += 1
            _check_count(root, count)
            content = read(path, DEFINITION_BYTES - size)
            size += len(content)
            yield path.relative_to(root).as_posix(), File.of(content, mode)


def _raise(error: OSError) -> None:
    raise error


def _of_archive(source: Path, zipped: zipfile.ZipFile) -> Iterator[tuple[str, File]]:
    entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
    if sum(entry.file_size for entry in entries) > DEFINITION_BYTES:
        raise TooLarge(DEFINITION_BYTES)
    for entry in entries:
        path, mode = PurePosixPath(entry.filename), entry.external_attr >> 16
        if path.is_absolute() or ".." in path.parts or stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise OmicsInputError(
                ARGUMENT, f"{source} holds {entry.filename!r}; only files in its own folders are allowed."
            )
        yield str(path), File.of(zipped.read(entry), mode)


def _check_count(path: Path, count: int) -> None:
    if count > DEFINITION_FILES:
        raise OmicsInputError(
            ARGUMENT, f"{path} holds more than {DEFINITION_FILES:,} files; does it hold data besides the definition?"
        )
