"""The checks before a run is started: a few calls at the same time, and one error for all that they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.exceptions import (
    AccessDenied,
    NoAnswer,
    NotFound,
    OmicsError,
    PreflightFailed,
    PreflightFailedForGood,
)
from airflow_provider_omics.hooks import buckets, errors, preflight_rules, run_caches, s3, schema
from airflow_provider_omics.hooks.preflight_rules import Verdict
from airflow_provider_omics.redaction import one_line

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

SECONDS = 5.0
"""How long all checks of one start may take together: what has not answered by then is skipped."""

CONNECT_SECONDS, READ_SECONDS = 2.0, 4.0
"""How long one call waits for a connection, and for its answer."""

OTHER_TYPE = {"PRIVATE": "READY2RUN", "READY2RUN": "PRIVATE"}


@dataclass(frozen=True)
class Look:
    """One thing to look at."""

    what: str
    endpoint: str
    see: Callable[[], Verdict]


def check(hook: OmicsHook, request: Mapping[str, Any], *, shared: bool = True) -> dict[str, Any]:
    """Look for what would go wrong with a run, within :data:`SECONDS`, and return the members to send besides.

    What this identity may not look at, or cannot reach from here, is skipped with a warning in the log, as is an answer
    that is not understood. Workflow or version are looked at in every task instance: parameters and storage type are
    judged by them. StartRun is throttled harder than GetWorkflow, so that this one call is not what holds up a start.
    So is the output bucket, which may be each sample's own; S3 has no such quota.

    :param request: the members of StartRun, as they would be sent
    :param shared: check also what mapped task instances have in common: the workflow beside its version, and the run
        cache with its bucket
    :returns: ``{"storageType": "DYNAMIC"}`` where neither author nor workflow says one, else nothing
    :raises PreflightFailed: if a later try of the same request may succeed
    :raises PreflightFailedForGood: if it cannot
    """
    deadline = monotonic() + SECONDS
    looks = list(_looks(hook, request, shared=shared))
    verdict = sum(_together(looks, deadline), start=preflight_rules.of_request(request))
    for sentence in verdict.skipped:
        hook.log.warning("Preflight: %s", one_line(sentence))
    if verdict.findings:
        heal = all(finding.heals for finding in verdict.findings)
        raise (PreflightFailed if heal else PreflightFailedForGood)(verdict.findings)
    for member, value in verdict.additions.items():
        hook.log.info("Neither author nor workflow says a %s: %s is sent", member, value)
    return dict(verdict.additions)


def _looks(hook: OmicsHook, request: Mapping[str, Any], *, shared: bool) -> Iterator[Look]:
    """Yield the looks; clients are made here, since neither boto3's sessions nor Airflow's are made for threads."""
    quick = hook.config.merge(
        Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 3},  # many mapped tasks ask at once
        )
    )
    omics = hook.get_client_type(region_name=hook.region_name, config=quick)
    look_at = partial(Look, endpoint=omics.meta.endpoint_url)
    if "workflowId" in request:
        version = request.get("workflowVersionName")
        if shared or version is None:
            see = partial(_see_workflow, omics, request, judge_definition=version is None)
            yield look_at(f"workflow {request['workflowId']}", see=see)
        if version is not None:
            yield look_at(f"version {version} of the workflow", see=partial(_see_version, omics, request))
    see_bucket: Callable[..., Verdict]
    try:
        client = buckets.client(hook, quick)
    except Exception as error:  # e.g. its role cannot be assumed just now
        endpoint, see_bucket = "", partial(_unseen, error)
    else:
        endpoint, see_bucket = client.meta.endpoint_url, partial(_see_bucket, client, omics.meta.region_name)
    uri = request["outputUri"]
    yield Look(f"the bucket of {uri}", endpoint, partial(see_bucket, "output_uri", uri))
    if shared and "cacheId" in request:
        yield look_at(f"run cache {request['cacheId']}", see=partial(_see_cache, omics, request, see_bucket))


def _together(looks: Sequence[Look], deadline: float) -> Iterator[Verdict]:
    """Look at everything at the same time, and yield what is seen before the deadline, in the order of the looks.

    So the same request reads the same each time, whichever answer came first. The threads are daemons: one that hangs
    holds up neither the start of the run nor the end of the process.
    """
    seen: SimpleQueue[tuple[Look, Verdict]] = SimpleQueue()
    verdicts: dict[str, Verdict] = {}

    def report(look: Look) -> None:
        seen.put((look, _see(look)))

    for look in looks:
        Thread(target=report, args=(look,), daemon=True, name="omics-preflight").start()
    while len(verdicts) < len(looks):
        try:
            look, verdict = seen.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            break
        verdicts[look.what] = verdict
    for look in looks:
        late = f"{look.what} is not checked: {look.endpoint} did not answer within {SECONDS:g} s."
        yield verdicts.get(look.what, Verdict(skipped=(late,)))


def _see(look: Look) -> Verdict:
    try:
        return look.see()
    except Exception as error:  # whatever it is: a check that breaks must not keep a run from starting
        return Verdict(skipped=(f"{look.what} is not checked: {_why(error)}",))


def _why(error: Exception) -> str:
    if isinstance(error, AccessDenied):
        return f"omics:{error.operation} is not allowed to this identity."
    if isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 403:
        return "s3:ListBucket on it is not allowed to this identity."
    cause = error.__cause__ if isinstance(error, NoAnswer) else None
    return f"{type(cause or error).__name__}: {cause or error}"


def _get(omics: Any, operation: str, members: Mapping[str, Any]) -> dict[str, Any] | None:
    """Call once; None where the resource does not exist.

    :raises OmicsError: any other error
    :raises LookupError: if something else than HealthOmics answers
    """
    method = schema.method(omics, operation, members)
    try:
        answer: dict[str, Any] = method(**members)
    except (BotoCoreError, ClientError) as error:
        translated = errors.translate(operation, error)
        if isinstance(translated, NotFound):
            return None
        raise translated from error
    if "status" not in answer:  # botocore makes an empty answer of a proxy's welcome page
        raise LookupError(f"the answer of {omics.meta.endpoint_url} to {operation} has no status")
    return answer


def _of_workflow(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of GetWorkflow and GetWorkflowVersion that say whose workflow, and of which type."""
    members = {"type": "workflowType", "workflowOwnerId": "workflowOwnerId"}
    return {name: request[member] for name, member in members.items() if member in request}


def _see_workflow(omics: Any, request: Mapping[str, Any], *, judge_definition: bool) -> Verdict:
    which = {"id": request["workflowId"], **_of_workflow(request)}
    workflow = _get(omics, "GetWorkflow", which)
    if workflow is None:
        other = OTHER_TYPE[request.get("workflowType", "PRIVATE")]
        try:
            workflow = _get(omics, "GetWorkflow", which | {"type": other})
        except OmicsError:  # only to say more precisely what is wrong
            workflow = None
    verdict = preflight_rules.of_workflow(request, workflow)
    if workflow is not None and judge_definition:
        shown = omics.meta.service_model.operation_model("GetWorkflow").output_shape.members
        verdict += preflight_rules.of_definition(request, workflow, shows_storage="storageType" in shown)
    return verdict


def _see_version(omics: Any, request: Mapping[str, Any]) -> Verdict:
    which = {"workflowId": request["workflowId"], "versionName": request["workflowVersionName"]}
    version = _get(omics, "GetWorkflowVersion", which | _of_workflow(request))
    verdict = preflight_rules.of_version(request, version)
    return verdict if version is None else verdict + preflight_rules.of_definition(request, version)


def _see_cache(omics: Any, request: Mapping[str, Any], see_bucket: Callable[..., Verdict]) -> Verdict:
    cache = _get(omics, "GetRunCache", {"id": request["cacheId"]})
    verdict = preflight_rules.of_cache(request, cache)
    uri = (cache or {}).get("cacheS3Uri")
    if verdict.findings or uri is None or s3.split(uri)[0] == s3.split(request["outputUri"])[0]:
        return verdict
    owner = run_caches.owner_of(cache or {})
    return _see(Look(f"the bucket of {uri}", "", partial(see_bucket, "cache_id", uri, owner)))


def _unseen(error: Exception, *_: str | None) -> Verdict:
    raise error


def _see_bucket(client: Any, wanted: str, argument: str, uri: str, owner: str | None = None) -> Verdict:
    bucket, _ = s3.split(uri)
    return preflight_rules.of_bucket(argument, bucket, buckets.region_of(client, bucket, owner), wanted)
