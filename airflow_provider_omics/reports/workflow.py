"""What is said of a workflow and its versions: pure functions, no calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_omics import json_text

_FILE = ("file", "path", "filename", "uri")
_LINE = ("line", "startLine")
_COLUMN = ("column", "col", "startColumn")
_MESSAGE = ("message", "msg", "description", "error")


def summary(found: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the XCom of a workflow or of a version of one: ``id`` and ``arn`` are those of the workflow."""
    arn, _, version_name = str(found["arn"]).partition("/version/")
    version = {"version_name": version_name, "version_arn": found["arn"]} if version_name else {}
    return {"id": found.get("workflowId") or found["id"], "arn": arn, **version, "status": found["status"], **more}


def lint_lines(message: str | None) -> list[str]:
    """Return what a linter found, a line each, as ``file:line:column: message``.

    AWS documents that ``statusMessage`` holds JSON then, and not its members: any object in it that has a text counts.
    Source: https://docs.aws.amazon.com/omics/latest/dev/workflows-linter.html

    :param message: the ``statusMessage`` of a workflow or a version
    :returns: an empty list where it is no JSON, and so is not a linter's
    """
    try:
        return list(_lines(json_text.read(message or "")))
    except ValueError:
        return []


def _lines(found: Any) -> Iterator[str]:
    if isinstance(found, list):
        for each in found:
            yield from _lines(each)
    elif isinstance(found, dict):
        text = _first(found, _MESSAGE)
        if text:
            where = [place for names in (_FILE, _LINE, _COLUMN) if (place := _first(found, names))]
            yield f"{':'.join(where)}: {text}" if where else text
        else:
            for each in found.values():
                yield from _lines(each)


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(found[name]) for name in names if isinstance(found.get(name), str | int)), None)
