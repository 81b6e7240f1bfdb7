"""One version of a workflow for one definition, whatever retries, races and lost answers do: its name is unique."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_omics.exceptions import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    ValidationFailed,
    WorkflowExists,
    WorkflowGone,
    WorkflowVersionDiffers,
)
from airflow_provider_omics.operators.ensure import SENDS, SETTLE_SECONDS
from airflow_provider_omics.operators.ensure_workflow import AWS_DIGEST, DEFINITION
from airflow_provider_omics.resources import WORKFLOW_VERSION

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook


@dataclass
class WorkflowVersionEnsurer:
    """Find the version of a workflow that a request names, or create it.

    :param hook: the client
    :param request: the checked members of CreateWorkflowVersion, ``requestId`` among them
    :param digest: of the definition and what belongs to it
    :param if_exists: ``fail``, or anything else to take what exists
    :param own_token: whether the author gave the ``requestId``: then no other is tried
    """

    hook: OmicsHook
    request: dict[str, Any]
    digest: str
    if_exists: str
    own_token: bool
    log: Any = field(default_factory=lambda: logging.getLogger(__name__))

    def __post_init__(self) -> None:
        self.workflow_id: str = self.request["workflowId"]
        self.name: str = self.request["versionName"]

    def ensure(self) -> dict[str, Any]:
        """Return the version's description, with ``created`` telling whether this call made it."""
        found = self._described()
        if found is not None:
            return self._reuse(found)
        try:
            return self._made(self.request)
        except (Conflict, ValidationFailed, WorkflowGone) as refused:
            if self.own_token:
                raise
            self.log.info("%s Trying once more with a new request id.", refused)
        return self._made(self.request | {"requestId": str(uuid4())})

    def _described(self) -> dict[str, Any] | None:
        try:
            found = self.hook.describe(WORKFLOW_VERSION, workflowId=self.workflow_id, versionName=self.name)
        except NotFound:
            return None
        return found if found["status"] != "DELETED" else None

    def _made(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._send(request)
        except Conflict:  # somebody else was faster
            found = self._described()
            if found is None:
                raise
            return self._reuse(found)
        found = self._described()
        if found is None:
            raise WorkflowGone(
                f"AWS HealthOmics answered CreateWorkflowVersion, but workflow {self.workflow_id} has no version "
                f"{self.name}. Next: retry the task; if request_id is given, give another one.",
                workflow_id=self.workflow_id,
                version_name=self.name,
            )
        self.log.info("Created version %s of workflow %s", self.name, self.workflow_id)
        return found | {"created": True}

    def _send(self, request: dict[str, Any]) -> None:
        for attempt in range(1, SENDS + 1):
            try:
                self.hook.create("CreateWorkflowVersion", **request)
                return
            except OutcomeUnknown as unknown:
                if attempt == SENDS:
                    raise
                self.log.warning("%s", unknown)
                sleep(SETTLE_SECONDS)
                if self._described() is not None:
                    return

    def _reuse(self, found: dict[str, Any]) -> dict[str, Any]:
        which = {"workflow_id": self.workflow_id, "version_name": self.name}
        if self.if_exists == "fail":
            raise WorkflowExists(
                f'Version {self.name} of workflow {self.workflow_id} exists, and if_exists="fail". '
                'Use another name, or if_exists="reuse".',
                **which,
            )
        if problem := self._problem(found):
            raise WorkflowVersionDiffers(f"Version {self.name} of workflow {self.workflow_id} {problem}", **which)
        if DEFINITION not in found.get("tags", {}):
            self.log.warning(
                "Version %s of workflow %s does not tell what it was made of (tag %s). It is used as it is.",
                *(self.name, self.workflow_id, DEFINITION),
            )
        self.log.info("Reusing version %s of workflow %s", self.name, self.workflow_id)
        return found | {"created": False}

    def _problem(self, found: Mapping[str, Any]) -> str | None:
        """Say why a version cannot be used; None if it can."""
        tags = found.get("tags", {})
        if DEFINITION not in tags and self.name == version_named(self.digest):
            return (
                f"is named after this definition, but has no tag {DEFINITION}, so that this operator did not make it, "
                "and what it runs is unknown. Ask CloudTrail who made it (CreateWorkflowVersion). Next: delete it with "
                "DeleteWorkflowVersionOperator and clear this task, or make a version with a version_name of your own "
                "by CreateWorkflowVersionOperator."
            )
        if tags.get(DEFINITION, self.digest) != self.digest:
            return (
                "was made of another definition, or with another main file, engine or parameter template, and a "
                "version cannot be changed. Use another version_name, or leave it out to have it named after its "
                "content."
            )
        shown = found.get("digest") if found["status"] in WORKFLOW_VERSION.succeeded else None
        if shown and tags.get(AWS_DIGEST, shown) != shown:
            return (
                f"has the digest {shown!r} by AWS, and {tags[AWS_DIGEST]!r} by its tag {AWS_DIGEST}: it is not the "
                "version that this operator made. Ask CloudTrail who made it. Next: delete it with "
                "DeleteWorkflowVersionOperator, and clear this task."
            )
        return None


def version_named(digest: str) -> str:
    """Return the name of a version that is named after its content."""
    return digest[:16]
