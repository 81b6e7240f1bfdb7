"""What a run that was found has in common with the request of a task: pure functions over the answer of GetRun.

Whoever may start runs can copy a name and tags, but not what HealthOmics itself describes.
Source: https://docs.aws.amazon.com/omics/latest/api/API_GetRun.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_omics import json_text
from airflow_provider_omics.limits import JSON_DEPTH

Members = Mapping[str, Any]

TITLES: Mapping[str, str] = {
    "workflowId": "workflow",
    "workflowType": "workflow type",
    "workflowOwnerId": "workflow owner",
    "workflowVersionName": "workflow version",
    "runId": "repeated run",
    "roleArn": "role",
    "outputUri": "output URI",
    "runOutputUri": "output location",
    "parameters": "parameters",
    "batchRunSettings": "settings of the runs",
}
"""The members that are compared, in words."""

SHOWN = frozenset(TITLES) - {"parameters", "batchRunSettings"}
"""The members whose values a log may show."""

LENT = ("workflowId", "workflowType", "workflowOwnerId", "workflowVersionName", "parameters")
"""What a run takes over from the one that it repeats, if the request leaves it out."""

IRRELEVANT = frozenset(
    {
        *("requestId", "name", "tags", "runTags"),
        *("priority", "runGroupId", "storageType", "storageCapacity", "scratchStorageMode"),
        *("cacheId", "cacheBehavior", "logLevel", "retentionMode", "outputBucketOwnerId"),
    }
)
"""The members of StartRun, and of ``defaultRunSetting``, that never change what is computed. Any other member counts,
also one that AWS adds later. Source: https://docs.aws.amazon.com/omics/latest/api/API_StartRun.html."""

DEFAULTS: Mapping[str, str] = {"workflowType": "PRIVATE"}
"""AWS's own: https://docs.aws.amazon.com/omics/latest/api/API_StartRun.html."""


DEPTH = JSON_DEPTH + 1
"""How deeply parameters may be nested to be compared: those of a request are nested no deeper, since the provider
refuses others before it sends them. Deeper ones can only be those of a repeated run, or of a copy."""


def differences(request: Members, found: Members, *, tagged: bool, merged: bool = False) -> dict[str, str]:
    """Return what a description contradicts in a request: the members, each with a sentence part for the log.

    A request without a version means the original workflow, which no version's name stands for
    (https://docs.aws.amazon.com/omics/latest/dev/workflows-default-version.html); of a Ready2Run workflow it means a
    version that AWS chooses, so that none is compared. What a request to repeat a run leaves out comes from that run:
    see :func:`completed`.

    AWS does not say in which form GetRun gives parameters back. Where a tag says that the requests are equal, a value
    may have another form: a whole number rounded to a floating-point one, a number, list or object as JSON text or the
    other way around, and without null in lists. Two texts must be equal. Without a tag the form must be the same.

    :param request: the members of StartRun; one that is null means the same as an absent one
    :param found: the answer of GetRun; a member that it does not give is not compared, except the version, which it
        always gives where a run has one
    :param tagged: whether a tag says that the requests are equal: it decides where the description does not give the
        parameters or the repeated run, and about members that have no rule here, as ``engineSettings``
    :param merged: whether the run may have more parameters than the request: those of a run that it repeats
    """
    request = json_text.given(request)
    differing = {
        member: f"{TITLES[member]} {found.get(member)!r}, not {request.get(member)!r}"
        for member in (*_plain_members(request, found, tagged), *_places(request, found))
    }
    if _other_parameters(request, found, tagged=tagged, merged=merged):
        differing["parameters"] = "other parameters"
    if not tagged:
        differing |= {member: f"other {member}" for member in _unnamed_members(request, found)}
    return differing


def decisive(request: Members) -> dict[str, Any]:
    """Return the given members of a request that may decide what is computed, and where its outputs lie."""
    return {member: value for member, value in json_text.given(request).items() if member not in IRRELEVANT}


def completed(request: Members, repeated: Members, found: Members) -> Members:
    """Return a request to repeat a run with what it leaves out, as far as that run is known.

    A request that names another workflow takes over the parameters alone: type, owner and version are those of the
    repeated run's workflow.

    :param repeated: the answer of GetRun for the run that the request names; one that is younger than the run that was
        found has only been given its id, since AWS uses ids again
    """
    if not repeated or repeated["creationTime"] > found["creationTime"]:
        return request
    same = request.get("workflowId", repeated.get("workflowId")) == repeated.get("workflowId")
    lent = LENT if same else ("parameters",)
    return {**{member: repeated[member] for member in lent if member in repeated}, **request}


def is_below(uri: str, folder: str) -> bool:
    """Tell whether an S3 URI is a folder or lies in it: ``s3://bucket/runs-2`` does not lie in ``s3://bucket/runs``."""
    return f"{uri.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _plain_members(request: Members, found: Members, tagged: bool) -> Iterator[str]:
    repeats = "runId" in request
    for member in ("workflowId", "workflowType", "roleArn"):
        default = DEFAULTS.get(member)
        if member in found and (member in request or not repeats) and found[member] != request.get(member, default):
            yield member
    if _other_owner(request, found):
        yield "workflowOwnerId"
    asked = "workflowVersionName" in request or not (repeats or request.get("workflowType") == "READY2RUN")
    if asked and found.get("workflowVersionName") != request.get("workflowVersionName"):
        yield "workflowVersionName"
    if _repeats_another(request.get("runId"), found, tagged):
        yield "runId"


def _repeats_another(asked: str | None, found: Members, tagged: bool) -> bool:
    """Tell whether a run repeats another one than it should.

    AWS says of this member of GetRun no more than "the run's ID": where it is absent, or the run's own id, the run may
    repeat any run or none.
    """
    shown = found.get("runId")
    if shown is None or shown == found.get("id"):
        return asked is not None and shown != asked and not tagged
    return bool(shown != asked)


def _unnamed_members(request: Members, found: Members) -> Iterator[str]:
    """Yield the members that count, but have no rule of their own here, and that the description does not give so."""
    for member, value in decisive(request).items():
        if member not in TITLES and found.get(member) != value:
            yield member


def _other_owner(request: Members, found: Members) -> bool:
    """Tell whether the workflow is that of another account; one without an owner is that of the run's account."""
    shown, asked = found.get("workflowOwnerId"), request.get("workflowOwnerId")
    if shown is None or (asked is None and ("runId" in request or request.get("workflowType") == "READY2RUN")):
        return False
    account = str(found.get("arn", "")).split(":")[4:5]
    return bool(shown != asked and (asked is not None or account != [shown]))


def _places(request: Members, found: Members) -> Iterator[str]:
    asked = request.get("outputUri")
    if "outputUri" in found and str(found["outputUri"]).rstrip("/") != str(asked).rstrip("/"):
        yield "outputUri"
    if "runOutputUri" in found and asked is not None and not is_below(found["runOutputUri"], asked):
        yield "runOutputUri"


def _other_parameters(request: Members, found: Members, *, tagged: bool, merged: bool) -> bool:
    if "runId" in request and "parameters" not in request:
        return False
    asked, shown = request.get("parameters"), found.get("parameters")
    if "parametersUri" in request:  # which parameters it holds, no description tells
        return not tagged
    deep = [json_text.is_deep(each, DEPTH) for each in (asked, shown)]
    if any(deep):
        return not (all(deep) and tagged)
    asked = without_null(asked) or {}
    if shown is None:
        return bool(asked) and not tagged
    shown = _read(shown) if tagged and isinstance(shown, str) else shown
    if merged and isinstance(shown, Mapping):
        shown = {name: value for name, value in shown.items() if name in asked}
    return not (_says(asked, shown or {}) if tagged else asked == (without_null(shown) or {}))


def _says(asked: Any, shown: Any, depth: int = 0) -> bool:
    """Tell whether a value says what was asked for, perhaps in another form: see :func:`differences`.

    :param depth: in how many objects and arrays the value stands, those of JSON as text included
    """
    if depth > DEPTH:
        return False
    if isinstance(asked, str) != isinstance(shown, str):
        asked, shown = (_read(each) if isinstance(each, str) else each for each in (asked, shown))
    if isinstance(asked, Mapping) and isinstance(shown, Mapping):
        asked, shown = json_text.given(asked), json_text.given(shown)
        return asked.keys() == shown.keys() and all(_says(asked[name], shown[name], depth + 1) for name in asked)
    if isinstance(asked, list) and isinstance(shown, list):
        asked, shown = ([each for each in value if each is not None] for value in (asked, shown))
        return len(asked) == len(shown) and all(
            _says(one, other, depth + 1) for one, other in zip(asked, shown, strict=True)
        )
    return bool(asked == shown) or _rounded(asked) == shown


def _read(text: str) -> Any:
    """Return what a text says as JSON, or the text where it is none."""
    try:
        return json_text.read(text)
    except ValueError:
        return text


def _rounded(value: Any) -> Any:
    """Return a whole number as far as a floating-point number can tell it, and anything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return value
    return value


def without_null(value: Any) -> Any:
    """Return JSON without the members that are null, which mean the same as absent ones; numbers compare as numbers."""
    if isinstance(value, Mapping):
        return {name: without_null(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [without_null(each) for each in value]
    return value
