"""Reading the archive of a definition, in memory: it comes from anybody, and nothing of it is ever written to disk.

What AWS answers to an archive that is no good is not documented. That the workflow becomes FAILED, as it does for what
a linter finds, is an assumption, and so are the limits below.
"""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

from airflow_provider_omics.emulator.definition import DefinitionError

ENTRY = b"PK\x01\x02"
"""What each entry of an archive's directory begins with: APPNOTE.TXT, section 4.3.12. zipfile makes an object of each
entry before it tells how many there are."""
MOST_FILES = 10_000
MOST_BYTES = 256 * 1024**2
"""What an archive may unpack to: 4.4 MB of zeros, deflated, are 4.5 GB."""
LONGEST_NAME = 255
LONGEST_PATH = 1024
"""Bytes: what file systems take for a name, and S3 for a key. A run unpacks the archive into a folder of its own."""


def files_of(body: bytes) -> dict[str, bytes]:
    """Return the files of a ZIP archive by their paths in it.

    :raises DefinitionError: if it is none, is damaged, unpacks to too much, or holds what has no place below a folder.
    """
    _check_count(body.count(ENTRY))
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = _checked(archive.infolist())
            return {str(PurePosixPath(entry.filename)): archive.read(entry) for entry in entries}
    except DefinitionError:
        raise
    except Exception as error:  # zipfile meets broken bytes with errors of a dozen kinds
        raise DefinitionError(f"The definition is not a ZIP archive that can be read: {error}.") from None


def _checked(entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the entries that are files, all of them checked; their sizes are those that they are read up to."""
    _check_count(len(entries))
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise DefinitionError(f"The archive unpacks to {size} bytes; at most {MOST_BYTES} are read.")
    for entry in entries:
        _check_path(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the archive was not made on Unix
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DefinitionError(f"The archive holds {entry.filename!r}, which is a link or a device, not a file.")
    files = [entry for entry in entries if not entry.is_dir()]
    paths = [str(PurePosixPath(entry.filename)) for entry in files]
    if twice := sorted({path for path in paths if paths.count(path) > 1} if len(set(paths)) < len(paths) else ()):
        raise DefinitionError(f"The archive holds {twice[0]!r} more than once.")
    folders = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    if both := sorted(folders.intersection(paths)):
        raise DefinitionError(f"The archive holds {both[0]!r} both as a file and as a folder.")
    return files


def _check_count(entries: int) -> None:
    if entries > MOST_FILES:
        raise DefinitionError(f"The archive has {entries} entries; at most {MOST_FILES} are read.")


def _check_path(path: str) -> None:
    windows = PureWindowsPath(path)  # which takes slashes, too, so that this is the stricter reading
    if windows.is_absolute() or windows.drive or windows.root or ".." in windows.parts or not windows.parts:
        raise DefinitionError(f"The archive holds {path!r}, which leads out of its own folder.")
    longest = max(len(name.encode(errors="replace")) for name in windows.parts)
    if longest > LONGEST_NAME or len(path.encode(errors="replace")) > LONGEST_PATH:
        raise DefinitionError(
            f"The archive holds {path[:50]!r}..., which is too long: a name may have {LONGEST_NAME} bytes, and a path "
            f"{LONGEST_PATH}."
        )
