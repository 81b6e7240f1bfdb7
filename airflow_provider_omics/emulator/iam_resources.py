"""What the IAM action of each operation can be restricted to; the README's policies are made of it, too."""

from __future__ import annotations

from collections.abc import Mapping

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "CancelRun": ("run",),
    "CancelRunBatch": ("runBatch",),
    "CreateRunCache": (),
    "CreateRunGroup": (),
    "CreateWorkflow": (),
    "CreateWorkflowVersion": ("workflow",),
    "DeleteBatch": ("runBatch",),
    "DeleteRun": ("run",),
    "DeleteRunBatch": ("run", "runBatch"),
    "DeleteRunCache": ("runCache",),
    "DeleteRunGroup": ("runGroup",),
    "DeleteWorkflow": ("workflow",),
    "DeleteWorkflowVersion": ("workflow",),
    "GetBatch": ("runBatch",),
    "GetRun": ("run",),
    "GetRunCache": ("runCache",),
    "GetRunGroup": ("runGroup",),
    "GetRunTask": ("run", "task"),
    "GetWorkflow": ("workflow",),
    "GetWorkflowVersion": ("workflow",),  # workflow/* covers workflow/ID/version/NAME
    "ListBatch": (),
    "ListRunCaches": (),
    "ListRunGroups": (),
    "ListRunTasks": ("run",),
    "ListRuns": (),
    "ListRunsInBatch": ("runBatch",),
    "ListTagsForResource": (),
    "ListWorkflowVersions": ("workflow",),
    "ListWorkflows": (),
    "StartRun": ("configuration", "run", "runCache", "runGroup", "workflow"),
    "StartRunBatch": ("run", "runBatch", "runCache", "runGroup", "workflow"),
    "UpdateRunCache": ("runCache",),
    "UpdateRunGroup": ("runGroup",),
    "UpdateWorkflow": ("workflow",),
    "UpdateWorkflowVersion": ("workflow",),
}
"""The resource types of each action, as their ARNs begin; () where AWS allows ``*`` only.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_omics.html. TagResource and
UntagResource are on the resource that they name.
"""

ALSO: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "CancelRunBatch": ("CancelRun", ("run",)),
    "DeleteRunBatch": ("DeleteRun", ("run",)),
    "StartRunBatch": ("StartRun", ("run", "runBatch", "runCache", "runGroup", "workflow")),
}
"""What else a caller must be allowed to do, since AWS does it in the caller's name; and on what.

Source: https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html.
"""

NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "configuration": ("configurationName",),
    "runCache": ("cacheId", "id"),
    "runGroup": ("runGroupId", "id"),
    "workflow": ("workflowId", "id"),
}
"""The members of a request that name a resource of a type, the first of them that is given.

The other types (run, task, run batch) have ids that nobody can know before.
"""

MADE_BY: Mapping[str, str] = {
    "CreateRunCache": "runCache",
    "CreateRunGroup": "runGroup",
    "CreateWorkflow": "workflow",
    "CreateWorkflowVersion": "workflow",
    "StartRun": "run",
    "StartRunBatch": "runBatch",
}
"""The type of what an operation makes: to send tags with it takes TagResource on that."""
