"""What the operators share that register the definition of a workflow, and wait until HealthOmics has made it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import OmicsError, OmicsInputError
from airflow_provider_omics.operators.ensure_workflow import AWS_DIGEST, DEFINITION, failure
from airflow_provider_omics.operators.ensure_workflow_version import WorkflowVersionEnsurer
from airflow_provider_omics.operators.identity import token
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.reports.workflow import summary
from airflow_provider_omics.resources import RESOURCES, RULES, WORKFLOW, WORKFLOW_VERSION

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context
    from airflow_provider_omics.hooks.definition import Source

REGISTERED = {
    "main": "main",
    "engine": "engine",
    "description": "description",
    "parameter_template": "parameterTemplate",
    "storage_type": "storageType",
    "storage_capacity": "storageCapacity",
    "accelerators": "accelerators",
    "tags": "tags",
    "request_id": "requestId",
}
"""The arguments that a workflow and a version of one have in common, and the members of the API."""

CHANGEABLE = frozenset({"name", "description", "storageType", "storageCapacity", "readmeMarkdown", "tags"})
"""Members that an update can change; all others belong to what a digest stands for."""

OF_THE_REQUEST = frozenset({"definitionZip", "definitionUri", "requestId", "workflowId", "versionName"})
"""Members that say nothing of what is made, or that the digest of the source stands for."""


class OmicsRegisteringOperator(OmicsWaitingOperator):
    """Make a version of a workflow from a definition, and wait until it is ACTIVE; a subclass takes the arguments."""

    definition: str | os.PathLike[str]
    if_exists: str

    def request(self, context: Context) -> dict[str, Any]:
        """Add the source: what is on this machine is read here."""
        from airflow_provider_omics.hooks.definition import source_of

        self._source: Source = source_of(os.fspath(self.definition))
        request = super().request(context)
        limit = RULES["tags.count"]
        if len(request.get("tags", {})) >= int(limit.limit):
            raise OmicsInputError("tags", f"at most {int(limit.limit) - 1}, since one more is added ({limit.source}).")
        return {**request, **self._source.members}

    def digest_of(self, request: Mapping[str, Any]) -> str:
        """Return 64 hexadecimal digits that stand for the source, and for what no update changes."""
        from airflow_provider_omics.hooks.definition import digest_in_s3

        if self._source.digest is None:
            located = digest_in_s3(self.hook, request["definitionUri"], request.get("workflowBucketOwnerId"))
            self._source = replace(self._source, digest=located)
        fixed = {m: value for m, value in request.items() if m not in CHANGEABLE | OF_THE_REQUEST}
        return hashlib.sha256(json.dumps([self._source.digest, fixed], sort_keys=True).encode()).hexdigest()

    def ensure_version(self, context: Context, request: dict[str, Any], digest: str) -> dict[str, Any]:
        """Make the version, or find it, and wait for it.

        :param request: the members of CreateWorkflowVersion
        """
        own_token = "requestId" in request
        which = (self.hook.identity, self.hook.conn.meta.region_name, request["workflowId"], request["versionName"])
        made = {
            "requestId": token("CreateWorkflowVersion", *which, digest),
            **request,
            "tags": {**request.get("tags", {}), DEFINITION: digest},
        }
        version = WorkflowVersionEnsurer(
            self.hook, made, digest, self.if_exists, own_token=own_token, log=self.log
        ).ensure()
        self.resource = WORKFLOW_VERSION  # type: ignore[misc]  # which is waited for from here on
        return self.made(context, version, created=version["created"])

    # --- waiting: whether this task made what is waited for travels in the name of the method that goes on

    def made(self, context: Context, description: dict[str, Any], *, created: bool) -> dict[str, Any]:
        """Wait for what is being made, and go on."""
        wait = self.wait_for_completion or self.resource is WORKFLOW  # which has to be ACTIVE to have versions
        if wait and self.resource.status_of(description) not in self.resource.ended:
            method_name = "execute_created" if created else "execute_complete"
            answer = {name: description[name] for name in self.resource.identifiers}
            description = self.end_of(context, answer, self.limits(context), method_name)
        return self.registered(context, description, created=created)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on when what existed before has been made."""
        return self._resume(context, event, created=False)

    def execute_created(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on when what this task created has been made."""
        return self._resume(context, event, created=True)

    def _resume(self, context: Context, event: dict[str, Any], *, created: bool) -> dict[str, Any]:
        self.resource = RESOURCES[event["resource"]]  # type: ignore[misc]
        description = self.end_in(context, event)
        if description is None:
            return self.execute(context)
        return self.result_of(self.registered(context, description, created=created))

    def registered(self, context: Context, description: dict[str, Any], *, created: bool) -> dict[str, Any]:
        """Return the result of what has been made.

        :raises WorkflowFailed: if it could not be
        """
        if self.resource.status_of(description) in self.resource.failed:
            raise failure(description, os.fspath(self.definition))
        if created and self.resource is WORKFLOW_VERSION:
            self._note_aws_digest(description)
        digest = description.get("tags", {}).get(DEFINITION)
        found = summary(description, digest=digest, created=created)
        which = found["id"], found.get("version_name", "none"), found["status"]
        self.log.info("Workflow %s, version %s, is %s", *map(one_line, which))
        return found

    def _note_aws_digest(self, version: Mapping[str, Any]) -> None:
        """Tag a version with AWS's own digest, if it has one and is ready: later tasks compare the two."""
        tags, ready = version.get("tags", {}), version["status"] in WORKFLOW_VERSION.succeeded
        if not ready or "digest" not in version or len(tags) >= int(RULES["tags.count"].limit):
            return
        try:
            self.hook.call("TagResource", resourceArn=version["arn"], tags={AWS_DIGEST: version["digest"]})
        except OmicsError as error:
            self.log.warning(
                "AWS's digest of the new version is not kept, so that no later task compares it: %s", error
            )
