"""Whether the error of a failed run says whose it is, what happened and what to do, and nothing that it must not.

The failures stand in ``tests/failures``, in a file for each owner. Their messages follow AWS's descriptions
(https://docs.aws.amazon.com/omics/latest/dev/workflows-run-errors.html); the log lines are made up in the manner of the
tools; people, accounts and keys are invented.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.failures import REASONS
from tests.conftest import ContextMaker, Logged
from tests.waits import finish

pytestmark = pytest.mark.usefixtures("quick_waits")

OWNERS = {"author": "the author of the workflow", "operator": "the operator of the AWS account", "aws": "AWS"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed run, and what a reader of its error must learn."""

    owner: str
    name: str
    reason: str
    """AWS's ``failureReason``."""
    message: str
    """AWS's ``statusMessage``."""
    cause: str
    """Words that must stand in the line with the owner."""
    step: str
    """Words that must stand in the line with the next step."""
    in_task: bool = True
    """Whether a task failed; otherwise the run did before its first one."""
    log: tuple[str, ...] = ()
    """The end of the task's log, or of the engine's."""
    retried: bool = True
    """Whether Airflow may retry."""
    saved: bool = True
    """Whether AWS saves what had completed."""
    secrets: tuple[str, ...] = ()
    """What may stand nowhere."""


def failures() -> list[Failure]:
    listed = []
    for word, owner in OWNERS.items():
        for case in json.loads((Path(__file__).parent / "failures" / f"{word}.json").read_text()):
            lists = {name: tuple(case.get(name, ())) for name in ("log", "secrets")}
            listed.append(Failure(owner=owner, **(case | lists)))
    return listed


FAILURES = failures()


def plan(failure: Failure, genome: Any) -> Any:
    """Return the plan of a run that fails so: in its last task, or before the first."""
    if not failure.in_task:
        return replace(genome, failure_reason=failure.reason, status_message=failure.message, log=failure.log)
    *others, last = genome.tasks
    failing = replace(
        last, fail_first=1, failure_reason=failure.reason, status_message=failure.message, log=failure.log
    )
    return replace(genome, tasks=(*others, failing))


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name.replace(" ", "_"))
def test_a_reader_learns_what_to_do_and_nobody_learns_more(
    failure: Failure, start: Any, cache_id: str, context: ContextMaker, omics_emulator: Any, logged: Logged
) -> None:
    plans = omics_emulator.store.plans
    plans.set("*", plan(failure, plans.plan_for("*")))
    made = context()
    with pytest.raises(errors.RunFailed) as caught:
        finish(start(cache_id=cache_id), made)
    error, log = caught.value, logged()

    lines = str(error).splitlines()
    assert lines[0] == f"HealthOmics run {error.run_id} ended as FAILED: {failure.reason}."
    told = [line for line in lines if line.startswith("AWS says: ")]
    assert len(told) == 1
    assert failure.message.partition("https://")[0] in told[0]
    (owner,) = [line for line in lines if line.startswith(f"Most likely it is for {failure.owner}: ")]
    assert failure.cause in owner
    (step,) = [line for line in lines if line.startswith("Next: ")]
    assert failure.step in step
    assert any(line.startswith("Task joint_call (") for line in lines) is failure.in_task
    assert (f"After {failure.reason} AWS saves nothing" in str(error)) is not failure.saved
    assert isinstance(error, AirflowFailException) is not failure.retried

    kept = str(error) + repr(vars(error)) + repr(made["ti"].pushed)
    for line in failure.log:
        assert line.partition("https://")[0] in log
        assert line not in kept
    for secret in failure.secrets:
        assert secret not in kept + log


def test_every_documented_reason_and_every_owner_has_a_case() -> None:
    assert {failure.reason for failure in FAILURES} >= REASONS.keys()
    assert set(OWNERS.values()) == {reason.owner for reason in REASONS.values()}
    assert len({failure.name for failure in FAILURES}) == len(FAILURES) >= 20
