"""The IAM policy of the calls that were seen: what a caller needs in AWS to do the same again.

Ids that the emulator gave away mean nothing in AWS: a resource that was made by one of the calls, and every run, task
and batch, stands there as ``*``; one that a call named without having made it stands there by its id.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_omics.emulator.iam_resources import ALSO, MADE_BY, NAMED_BY, RESOURCES
from airflow_provider_omics.emulator.neighbours import partition
from airflow_provider_omics.emulator.records import Members

Need = tuple[str, str]
"""An action, and the ARN (or ``*``) that it is needed on."""

PASSING = "iam:PassRole"
PASSED_TO_OMICS: Mapping[str, Any] = {"StringEquals": {"iam:PassedToService": "omics.amazonaws.com"}}

_TOLD_APART_BY: Mapping[str, tuple[str, ...]] = {
    operation: ("id", "workflowId", "workflowOwnerId") if set(kinds) & set(NAMED_BY) else ()
    for operation, kinds in RESOURCES.items()
    if operation not in MADE_BY and operation not in ALSO and operation != "ListTagsForResource"
}
"""The members in which two calls of an operation must differ to need something else; not of those that make things."""


class Permissions:
    """What the calls so far have needed; threads may tell it and ask it at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._needs: dict[Need, None] = {}
            self._made: set[str] = set()
            self._seen: set[tuple[str | None, ...]] = set()

    def need(self, needs: Iterable[Need]) -> None:
        """Take note of what a call needs."""
        with self._lock:
            self._needs |= dict.fromkeys(needs)

    def call(self, operation: str, parameters: Mapping[str, Any], account: str, region: str) -> None:
        """Take note of a call of HealthOmics.

        :param parameters: those of the request, as far as they could be read.
        """
        call = (operation, account, region, *(parameters.get(member) for member in _TOLD_APART_BY.get(operation, ())))
        if call not in self._seen:
            self.need(_Asked(operation, parameters, account, region, self._made).needs())
        if operation in _TOLD_APART_BY:
            self._seen.add(call)

    def made(self, operation: str, answer: Members) -> None:
        """Take note of what a call has made."""
        if operation in MADE_BY and "arn" in answer:
            with self._lock:
                self._made.add(str(answer["arn"]))

    def policy(self) -> dict[str, Any]:
        """Return the policy document: one statement for each set of resources; without calls it has none."""
        with self._lock:
            needs = list(self._needs)
        resources: dict[str, set[str]] = {}
        for action, resource in needs:
            resources.setdefault(action, set()).add(resource)
        grouped: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
        for action in sorted(resources, key=lambda action: (not action.startswith("omics:"), action)):
            on = tuple(_pruned(resources[action]))
            grouped.setdefault((action == PASSING, on), []).append(action)
        statements = [
            {"Effect": "Allow", "Action": actions, "Resource": list(on)}
            | ({"Condition": PASSED_TO_OMICS} if passes else {})
            for (passes, on), actions in grouped.items()
        ]
        return {"Version": "2012-10-17", "Statement": statements}


class _Asked:
    """One call of HealthOmics, and the ARNs that it is about."""

    def __init__(
        self, operation: str, parameters: Mapping[str, Any], account: str, region: str, made: set[str]
    ) -> None:
        self._operation, self._account, self._region, self._made = operation, account, region, made
        self._parameters = {**parameters, **parameters.get("defaultRunSetting", {})}

    def needs(self) -> Iterator[Need]:
        """Yield the actions that the caller must be allowed."""
        given = self._parameters
        yield from self._on(self._operation, *RESOURCES.get(self._operation, ()))
        if self._operation in ALSO:
            action, kinds = ALSO[self._operation]
            yield from self._on(action, *kinds)
        if given.get("tags") and self._operation in MADE_BY:
            yield from self._on("TagResource", MADE_BY[self._operation])
        if given.get("runTags"):
            yield from self._on("TagResource", "run")
        if role := given.get("roleArn"):
            yield PASSING, role
        for uri in (given.get("definitionUri"), given.get("batchRunSettings", {}).get("s3UriSettings")):
            if uri:  # which AWS reads in the caller's name
                yield "s3:GetObject", f"arn:{partition(self._region)}:s3:::{uri.removeprefix('s3://')}"

    def _on(self, action: str, *kinds: str) -> Iterator[Need]:
        named = self._parameters.get("resourceArn")
        if named and action != "ListTagsForResource":
            found = {self._known_before(named)}
        else:
            found = {arn for kind in kinds for arn in self._arns(kind)} if kinds else {"*"}
        for arn in found:
            yield f"omics:{action}", arn

    def _arns(self, kind: str) -> Iterator[str]:
        """Yield the ARNs of a type that the call is about; none if it has nothing to do with that type."""
        if kind not in NAMED_BY:
            yield self._arn(f"{kind}/*")
            return
        key = next((self._parameters[member] for member in NAMED_BY[kind] if member in self._parameters), None)
        if key is None:
            if "runId" in self._parameters or MADE_BY.get(self._operation) == kind:
                yield self._arn(f"{kind}/*")  # the settings of another run, or what is made only now
            return
        owner = self._parameters.get("workflowOwnerId") if kind == "workflow" else None
        arn = self._known_before(self._arn(f"{kind}/{key}", owner))
        yield arn
        if "versionName" in self._parameters and not arn.endswith("*"):
            yield f"{arn}/version/*"

    def _arn(self, resource: str, account: str | None = None) -> str:
        return f"arn:{partition(self._region)}:omics:{self._region}:{account or self._account}:{resource}"

    def _known_before(self, arn: str) -> str:
        """Return an ARN with ``*`` for an id that will be another one the next time."""
        if arn.count(":") < 5:
            return arn
        resource = arn.split(":", 5)[5]
        kind, _, key = resource.partition("/")
        place = f"{arn.removesuffix(resource)}{kind}"
        made = f"{place}/{key.partition('/')[0]}" in self._made
        return f"{place}/*" if made or kind not in NAMED_BY else arn


def _pruned(resources: set[str]) -> list[str]:
    """Return the resources without those that another one covers."""
    wide = [each[:-1] for each in resources if each.endswith("*")]
    return sorted(
        each for each in resources if not any(each.startswith(start) and each != f"{start}*" for start in wide)
    )
