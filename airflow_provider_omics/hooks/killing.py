"""May what a killed task waits for be cancelled? The same rule in a worker and in the triggerer."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import task_state
from airflow_provider_omics.exceptions import Conflict, NoAnswer, OmicsServiceError
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

OVER = {
    "failed": "failed",
    "success": "marked as succeeded",
    "skipped": "skipped",
    "removed": "removed",
    "upstream_failed": "failed upstream",
    "restarting": "cleared",
    None: "cleared",
}
"""The states in which Airflow itself says that a try is over for good, in words; None: cleared, not yet scheduled."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a refused cancellation is sent again: AWS cancels no batch that is still CREATING."""

TRY_ENDED = "airflow_try_ended"
"""The tag that tells later tries that Airflow gave this one up."""


def why_over(hook: OmicsHook, task: Any, *, last_try: bool) -> str | None:
    """Return in words why the try of a task instance is over for good, or None if it is not, or nobody can tell.

    A worker gets the same signal when a person ends the task, when a deployment shrinks and when a queue delivers a
    message twice; a trigger is cancelled in the same way when a person ends the task and when triggerers share their
    work anew. Only the state in Airflow's database tells these apart.

    :param task: the task instance, in whatever form the version of Airflow gives
    :param last_try: whether no try is left that could go on
    """
    try:
        state = task_state(task.dag_id, task.run_id, task.task_id, getattr(task, "map_index", -1))
    except Exception as error:  # whatever Airflow raises here: the run is worth more than the answer
        hook.log.warning("Whether the task was ended for good is unknown (%s: %s)", type(error).__name__, error)
        return None
    hook.log.info("The state of the task instance is %s", state)
    if last_try and state == "running":
        return "killed on its last try"
    return OVER.get(state)


def cancel(hook: OmicsHook, resource: Resource, identifiers: dict[str, str], arn: str | None, why: str) -> None:
    """Cancel what a task waited for, and leave word of it for later tries.

    :param arn: its ARN; None where it carries no tags of ours
    :param why: why the try has ended, in words
    """
    which = "/".join(identifiers.values())
    try:
        _send_cancel(hook, resource, identifiers)
    except (NoAnswer, OmicsServiceError) as error:
        hook.log.warning("%s %s could not be cancelled: %s", resource.title.capitalize(), which, error)
    else:
        hook.log.warning(
            "Cancelling %s %s: %s. AWS saves what had completed to the run cache; what was under way is lost.",
            resource.title,
            which,
            why,
        )
    if arn:
        give_up(hook, resource, arn, why)


def _send_cancel(hook: OmicsHook, resource: Resource, identifiers: dict[str, str]) -> None:
    assert resource.cancel  # noqa: S101 - asked for by the callers
    for seconds in PAUSES:
        try:
            hook.call(resource.cancel, **identifiers)
        except Conflict:
            if resource.status_of(hook.describe(resource, **identifiers)) not in resource.progress:
                raise
            sleep(seconds)
        else:
            return
    hook.call(resource.cancel, **identifiers)


def give_up(hook: OmicsHook, resource: Resource, arn: str, why: str) -> None:
    """Tag what a task waited for, so that later tries do not go on with it.

    Cancelled comes first and tagged second: a task that is killed in between then fails too early rather than paying
    for a run that nobody waits for.
    """
    try:
        hook.call("TagResource", resourceArn=arn, tags={TRY_ENDED: why})
    except (NoAnswer, OmicsServiceError) as error:
        hook.log.warning("%s %s could not be tagged: %s", resource.title.capitalize(), arn, error)
