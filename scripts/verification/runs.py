"""Questions that need a run: one of a workflow without tasks, cancelled before it is RUNNING.

HealthOmics bills a run from RUNNING on: https://docs.aws.amazon.com/omics/latest/dev/monitoring-runs.html. Should one
get there, it has no task, pulls no container, and ends at once.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cached_property
from typing import Any
from uuid import uuid4

from airflow_provider_omics.resources import RUN, WORKFLOW
from verification.account import Account, Unanswered
from verification.checks import expect
from verification.questions import name_match, repeated

SOURCE = """version 1.0
workflow nothing {
  output { String said = "nothing" }
}
"""


class Runs:
    """The run of a verification, started and cancelled when a question first needs it.

    :param found: the answers so far.
    """

    def __init__(self, account: Account, found: dict[str, Any]) -> None:
        self._account, self._found = account, found

    def run_idempotency(self) -> str:
        """Send StartRun twice."""
        again = repeated(self._account, "StartRun", self._request, self._run)
        word = again if isinstance(again, str) else "replay"
        return "same" if word == self._found.get("idempotency") else word

    def run_name_match(self) -> str:
        """Filter ListRuns by names that are alike."""
        return name_match(self._account, RUN, self._run["id"], self._request["name"])

    def cache_in_use(self) -> str:
        """Delete the run's cache."""
        run_id = self._run["id"]
        answer = self._account.answer("DeleteRunCache", id=self._request["cacheId"])
        if self._account.ended(run_id):
            raise Unanswered(f"run {run_id} ended before its cache could be deleted")
        return answer if isinstance(answer, str) else "accepted"

    def group_in_use(self) -> str:
        """Delete the run's group."""
        run_id = self._run["id"]
        answer = self._account.answer("DeleteRunGroup", id=self._request["runGroupId"])
        if self._account.ended(run_id):
            raise Unanswered(f"run {run_id} ended before its group could be deleted")
        return answer if isinstance(answer, str) else "accepted"

    def behavior_without_cache(self) -> str:
        """Start a run with a cache behaviour and without a cache."""
        request = {name: value for name, value in self._request.items() if name not in ("cacheId", "requestId")}
        token = f"{self._account.name}-{uuid4()}"
        answer = self._account.answer("StartRun", **request, cacheBehavior="CACHE_ALWAYS", requestId=token)
        return answer if isinstance(answer, str) else "accepted"

    def cancel_ended(self) -> str:
        """Cancel a run that is CANCELLED."""
        run_id = self._run["id"]
        assert self._end
        answer = self._account.answer("CancelRun", id=run_id)
        return answer if isinstance(answer, str) else "accepted"

    def replayed_status(self) -> str:
        """Send the StartRun of a run that is CANCELLED again."""
        end = self._end
        again = repeated(self._account, "StartRun", self._request, self._run)
        if isinstance(again, str):
            raise Unanswered(f"StartRun with an old requestId is not replayed, but answered: {again}")
        return "today" if again["status"] == end else "first"

    def a_run_shows_what_it_was_started_with(self) -> None:
        """https://docs.aws.amazon.com/omics/latest/api/API_GetRun.html."""
        started = self._run
        found = self._account.call("GetRun", id=started["id"])
        expect(found["uuid"], started["uuid"], "the uuid")
        expect(found["cacheBehavior"], "CACHE_ON_FAILURE", "the behaviour, which is the cache's")
        for member in ("workflowId", "roleArn", "name", "outputUri", "cacheId", "storageType"):
            expect(found.get(member), self._request[member], member)

    def an_active_run_is_not_deleted(self) -> None:
        """https://docs.aws.amazon.com/omics/latest/api/API_DeleteRun.html."""
        expect(self._account.answer("DeleteRun", id=self._run["id"]), "conflict", "the answer")

    @cached_property
    def _request(self) -> dict[str, Any]:
        account = self._account
        return {
            "workflowId": self._workflow_id,
            "roleArn": account.role_arn,
            "name": account.run_name,
            "outputUri": account.uri("out"),
            "cacheId": account.call("CreateRunCache", **account.cache("of-run"))["id"],
            "runGroupId": account.call("CreateRunGroup", name=f"{account.name}-of-run")["id"],
            "storageType": "DYNAMIC",
            "logLevel": "OFF",
            "requestId": f"{account.name}-{uuid4()}",
        }

    @cached_property
    def _run(self) -> dict[str, Any]:
        run: dict[str, Any] = self._account.call("StartRun", **self._request)
        return run

    @cached_property
    def _end(self) -> str:
        run_id = self._run["id"]
        self._account.answer("CancelRun", id=run_id)
        return str(
            self._account.until(lambda: self._account.ended(run_id), f"the end of run {run_id}", every=10, seconds=1800)
        )

    @cached_property
    def _workflow_id(self) -> str:
        account, content = self._account, io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("main.wdl", SOURCE)
        name = f"{account.name}-Workflow"
        key = str(account.call("CreateWorkflow", name=name, engine="WDL", definitionZip=content.getvalue())["id"])

        def ready() -> Any:
            described = account.call("GetWorkflow", id=key)
            return described if described["status"] not in WORKFLOW.progress else None

        described = account.until(ready, f"workflow {key}", every=3, seconds=300)
        if described["status"] not in WORKFLOW.succeeded:
            raise Unanswered(f"workflow {key} is {described['status']}: {described.get('statusMessage')}")
        return key


QUESTIONS: dict[str, Callable[[Runs], Any]] = {
    question.__name__: question
    for question in (
        Runs.run_idempotency,
        Runs.run_name_match,
        Runs.cache_in_use,
        Runs.group_in_use,
        Runs.behavior_without_cache,
        Runs.cancel_ended,
        Runs.replayed_status,
    )
}
"""The questions by their settings, in the order in which a run can answer them."""

CHECKS: dict[str, Callable[[Runs], None]] = {
    check.__name__.replace("_", " "): check
    for check in (Runs.a_run_shows_what_it_was_started_with, Runs.an_active_run_is_not_deleted)
}
"""The checks by what they say; they come before the questions, by which the run ends."""
