"""What would go wrong with a StartRun request: pure functions over the request and what AWS says of its parts.

Arguments are named as the operator's, members without an argument as in the API. A description that is None stands
for a resource that does not exist.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from airflow_provider_omics.exceptions.preflight import Finding
from airflow_provider_omics.parameters import unqualified
from airflow_provider_omics.redaction import redacted
from airflow_provider_omics.resources import RULES, RUN_CACHE, WORKFLOW, Resource

Members = Mapping[str, Any]

NAMED = 10
"""How many parameters a finding names; a template has up to 1,000."""

LONGEST = 500
"""How many characters of AWS's own message a finding quotes; of a workflow it may be a linter's whole report."""


@dataclass(frozen=True)
class Verdict:
    """What one look, or all of them, came to."""

    findings: tuple[Finding, ...] = ()
    additions: Members = field(default_factory=dict)
    """Members to send besides the request's own."""
    skipped: tuple[str, ...] = ()
    """Sentences on what could not be checked."""

    def __add__(self, other: Verdict) -> Verdict:
        findings = tuple(dict.fromkeys(self.findings + other.findings))
        return Verdict(findings, {**self.additions, **other.additions}, self.skipped + other.skipped)


def of_request(request: Members) -> Verdict:
    """Judge what no call is needed for."""
    findings = []
    if problem := oversize(request.get("parameters")):
        findings.append(Finding("parameters", problem))
    vpc_alone = request.get("networkingMode") == "VPC" and "configurationName" not in request
    if vpc_alone and not is_duplicate(request):
        findings.append(
            Finding("networkingMode", "VPC needs configurationName, which names subnets and security groups.")
        )
    if request.get("workflowType") == "READY2RUN":
        findings += _unfit_for_ready2run(request)
    return Verdict(tuple(findings))


def oversize(parameters: Any) -> str | None:
    """Say that a run's parameters are larger than AWS takes, if they are; in which form it counts AWS does not say."""
    size = len(json.dumps(parameters or {}, separators=(",", ":"), ensure_ascii=False, default=str).encode())
    rule = RULES["run_parameters.bytes"]
    if size <= int(rule.limit):
        return None
    return (
        f"they are {size:,} bytes of JSON, of which AWS takes at most {rule.limit:,} ({rule.source}). Put long lists "
        "into a file on S3, and pass its URI."
    )


def is_duplicate(request: Members) -> bool:
    """Tell whether the request repeats a run, so that it has settings which are not seen here."""
    return "runId" in request


def of_workflow(request: Members, workflow: Members | None) -> Verdict:
    """Judge whether the workflow exists, is of the type that was asked for, and is ACTIVE.

    :param workflow: the answer of GetWorkflow, whichever type that has
    """
    which, asked = f"workflow {request['workflowId']}", request.get("workflowType", "PRIVATE")
    if workflow is None:
        return Verdict((_missing_workflow(which, request),))
    kind = workflow.get("type", asked)
    if kind == asked or is_duplicate(request):
        return Verdict(_not_active("workflow_id", which, WORKFLOW, workflow))
    if kind == "READY2RUN":
        problem = (
            f"{which} is a Ready2Run workflow. Set workflow_type='READY2RUN': without it, AWS answers that there is "
            "no such workflow (404)."
        )
        return Verdict((Finding("workflow_type", problem), *_unfit_for_ready2run(request)))
    return Verdict((Finding("workflow_type", f"{which} is not a Ready2Run workflow. Leave workflow_type out."),))


def of_version(request: Members, version: Members | None) -> Verdict:
    """Judge whether the version of the workflow exists and is ACTIVE.

    :param version: the answer of GetWorkflowVersion
    """
    which = f"version {request['workflowVersionName']} of workflow {request['workflowId']}"
    if version is None:
        problem = f"{which} does not exist. ListWorkflowVersions tells which there are."
        return Verdict((Finding("workflow_version_name", problem, heals=True),))
    return Verdict(_not_active("workflow_version_name", which, WORKFLOW, version))


def of_definition(request: Members, definition: Members, *, shows_storage: bool = True) -> Verdict:
    """Judge the parameters by their template, and add a storage type where nobody says one.

    AWS's pages differ in the default, so DYNAMIC is sent, which needs no capacity. A capacity is a word for STATIC.

    :param definition: the answer of GetWorkflowVersion where a version is asked for, else of GetWorkflow
    :param shows_storage: whether the installed boto3 shows a workflow's storage type; older ones do not
    """
    verdict = Verdict(_by_template(request, definition))
    ready2run = "READY2RUN" in (request.get("workflowType"), definition.get("type"))
    said = any(each.get(name) is not None for each in (request, definition) for name in _STORAGE)
    if said or ready2run or is_duplicate(request):
        return verdict
    if not shows_storage:
        sentence = (
            "the workflow's storage type is not shown by the installed boto3, so none is sent; give storage_type."
        )
        return verdict + Verdict(skipped=(sentence,))
    return verdict + Verdict(additions={"storageType": "DYNAMIC"})


def of_cache(request: Members, cache: Members | None) -> Verdict:
    """Judge whether the run cache exists and is ACTIVE.

    :param cache: the answer of GetRunCache
    """
    which = f"run cache {request['cacheId']}"
    if cache is None:
        problem = f"{which} does not exist in this account and Region. CreateRunCacheOperator makes one, or finds it."
        return Verdict((Finding("cache_id", problem, heals=True),))
    return Verdict(_not_active("cache_id", which, RUN_CACHE, cache))


def of_bucket(argument: str, bucket: str, region: str | None, wanted: str) -> Verdict:
    """Judge whether a bucket exists in the run's Region.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_StartRun.html, on ``outputUri``.

    :param region: the bucket's; None if it does not exist
    :param wanted: the run's
    """
    if region is None:
        return Verdict((Finding(argument, f"the bucket {bucket} does not exist.", heals=True),))
    if region != wanted:
        problem = f"the bucket {bucket} is in {region}, the run in {wanted}; HealthOmics wants one Region for both."
        return Verdict((Finding(argument, problem),))
    return Verdict()


_STORAGE = {"storageType": "storage_type", "storageCapacity": "storage_capacity"}


def _unfit_for_ready2run(request: Members) -> tuple[Finding, ...]:
    """Source: https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html, and the service's behaviour."""
    findings = [
        Finding(argument, "a Ready2Run workflow brings its own storage settings. Leave this out.")
        for member, argument in _STORAGE.items()
        if member in request
    ]
    if "cacheId" in request:
        findings.append(Finding("cache_id", "Ready2Run workflows have no call caching. Leave this out."))
    return tuple(findings)


def _missing_workflow(which: str, request: Members) -> Finding:
    owner = request.get("workflowOwnerId")
    remedy = (
        f"Check that account {owner} shares it, and that the share is accepted."
        if owner
        else "Check id, account and Region; a workflow that another account shares needs workflow_owner_id, and a "
        "Ready2Run workflow needs workflow_type='READY2RUN'."
    )
    return Finding("workflow_id", f"{which} does not exist, for this identity. {remedy}", heals=True)


def _not_active(argument: str, which: str, resource: Resource, description: Members) -> tuple[Finding, ...]:
    status = resource.status_of(description)
    if status in resource.succeeded or status not in resource.statuses:  # a status that AWS added later is none of ours
        return ()
    says = description.get("statusMessage")
    problem = f"{which} is {status}, not ACTIVE." + (f" AWS says: {redacted(says)[:LONGEST]}" if says else "")
    return (Finding(argument, problem, heals=status not in resource.failed),)


def _template(request: Members, definition: Members) -> Members:
    """Return the parameter template; a Nextflow profile has one of its own, or none that is known."""
    profile = (request.get("engineSettings") or {}).get("profile")
    if profile is not None:
        return (definition.get("profileParameterTemplates") or {}).get(profile) or {}
    return definition.get("parameterTemplate") or {}


def _by_template(request: Members, definition: Members) -> tuple[Finding, ...]:
    """Source: https://docs.aws.amazon.com/omics/latest/dev/parameter-templates.html."""
    template, given = _template(request, definition), request.get("parameters") or {}
    if not template or not isinstance(given, Mapping):
        return ()
    names = {name: unqualified(name, template, definition.get("engine")) for name in given}
    free = sorted(template.keys() - names.values())
    findings = []
    if unknown := sorted(name for name, meant in names.items() if meant not in template):
        told = _some(_unknown(unknown, free, some_fit=len(unknown) < len(names)))
        problem = f"has no {told}" if told else f"has none of the {len(unknown)} that are given"
        findings.append(Finding("parameters", f"the workflow's template {problem}. It has {_some(sorted(template))}."))
    times = Counter(names.values())
    if twice := sorted(name for name, meant in names.items() if times[meant] > 1):
        findings.append(Finding("parameters", f"{_some(twice)} are spellings of one parameter. Give one of them."))
    missing = [name for name in free if not (template[name] or {}).get("optional")]
    if missing and not is_duplicate(request):
        findings.append(Finding("parameters", f"the workflow's template requires {_some(missing)}."))
    return tuple(findings)


def _unknown(names: Collection[str], free: Collection[str], *, some_fit: bool) -> list[str]:
    """Return names that a template does not have, the first of them with the nearest it has.

    Where none fits, they may come from a table without its header, and be its first patient: then only those are
    returned that are near to one.
    """
    near = {name: _with_nearest(name, free) if number < NAMED else name for number, name in enumerate(names)}
    return [told for name, told in near.items() if some_fit or told != name]


def _with_nearest(name: str, names: Collection[str]) -> str:
    lowered = {each.lower(): each for each in names}
    nearest = get_close_matches(name.lower(), lowered, n=1)
    return f"{name} (did you mean {lowered[nearest[0]]}?)" if nearest else name


def _some(names: Collection[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(list(names)[:NAMED]) + (f" and {more} more" if more > 0 else "")
