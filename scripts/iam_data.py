"""What each action of IAM can be restricted to, and what each operator needs it for: the data of ``iam.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_omics.emulator.iam_resources import ALSO as ALSO
from airflow_provider_omics.emulator.iam_resources import RESOURCES as RESOURCES

REGION, ACCOUNT = "us-east-1", "123456789012"
BUCKET, PREFIX = "amzn-s3-demo-bucket", "run-cache"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/OmicsRunRole"

NEEDED: Mapping[str, Mapping[str, str]] = {
    "CreateRunCacheOperator": {
        "CreateRunCache": "where the cache does not exist yet",
        "ListRunCaches": "always",
        "GetRunCache": (
            "after creating; where the cache exists, with `cache_bucket_owner_id`, with "
            '`if_exists="update"`, and with `if_exists="create"` together with `name`'
        ),
        "UpdateRunCache": 'with `if_exists="update"`; otherwise to rename a cache that lost a race (denied: a warning)',
        "TagResource": 'with `tags`, and with `if_exists="create"` together with `name`',
    },
    "GetRunCacheOperator": {"GetRunCache": "always"},
    "UpdateRunCacheOperator": {"UpdateRunCache": "always", "GetRunCache": "always"},
    "DeleteRunCacheOperator": {
        "DeleteRunCache": "always",
        "GetRunCache": "with `delete_cached_data`",
        "ListRunCaches": "with `delete_cached_data`: is it another cache's data? (denied: the task fails)",
        "ListRuns": "to name the runs that keep a cache from being deleted",
        "GetRun": "to name the runs that keep a cache from being deleted",
    },
    "StartRunOperator": {
        "StartRun": "always",
        "TagResource": "with `airflow_tags` (the default) or `tags`",
        "ListRuns": (
            "to find what an earlier try, or a StartRun without an answer, has started (denied: the task fails)"
        ),
        "GetRun": "always",
        "ListRunTasks": "to name and count computed and reused tasks (denied: a warning)",
        "GetRunTask": "to say why a task of a failed run failed (denied: a warning)",
        "CancelRun": 'with `cancel_on_kill` or `on_timeout="cancel"` (the defaults)',
        "GetWorkflow": "with `preflight` (the default; denied: a warning)",
        "GetWorkflowVersion": "with `preflight` and `workflow_version_name` (denied: a warning)",
        "GetRunCache": "with `preflight` and `cache_id` (denied: a warning)",
    },
    "CancelRunOperator": {
        "CancelRun": "always",
        "GetRun": "always: to wait for the end, and to tell how the run stands",
    },
    "DeleteRunOperator": {"DeleteRun": "always"},
    "StartRunBatchOperator": {
        "StartRunBatch": "always",
        "StartRun": "always: AWS starts each run with it",
        "TagResource": "with `tags`, `runTags`, or `airflow_tags` (the default)",
        "ListBatch": "on a retry, and where the answer to StartRunBatch was lost (denied: the task fails)",
        "GetBatch": "always",
        "ListRunsInBatch": "with `wait_for_completion` (the default), to tell the runs of the batch",
        "ListRuns": "with `wait_for_completion` (the default), to tell how each run ended",
        "GetRun": (
            "to say why a run failed, and to compare the runs of an earlier try's batch with their settings (denied: a "
            "warning)"
        ),
        "ListRunTasks": "to count computed and reused tasks (denied: a warning)",
        "CancelRunBatch": "with `cancel_on_kill` (the default)",
        "CancelRun": "with `cancel_on_kill` (the default): AWS cancels each run with it",
    },
    "CancelRunBatchOperator": {
        "CancelRunBatch": "always",
        "CancelRun": "always: AWS cancels each run with it",
        "GetBatch": "always: to wait for the end, and to tell how the batch stands",
    },
    "DeleteRunBatchOperator": {
        "DeleteRunBatch": "always",
        "DeleteRun": "always: AWS deletes each run with it",
        "GetBatch": "always: to wait for the end, and to tell how the batch stands",
        "ListRunsInBatch": "to name the runs that could not be deleted",
    },
    "DeleteBatchOperator": {"DeleteBatch": "always"},
    "CreateRunGroupOperator": {
        "CreateRunGroup": "where the run group does not exist yet",
        "ListRunGroups": "always",
        "GetRunGroup": (
            'after creating; where the group exists, with `if_exists="update"`, and with `if_exists="create"` together '
            "with `name`"
        ),
        "UpdateRunGroup": (
            'with `if_exists="update"`; otherwise to rename a group that lost a race (denied: a warning)'
        ),
        "TagResource": 'with `tags`, and with `if_exists="create"` together with `name`',
    },
    "UpdateRunGroupOperator": {"UpdateRunGroup": "always", "GetRunGroup": "always"},
    "DeleteRunGroupOperator": {
        "DeleteRunGroup": "always",
        "ListRuns": "to name the runs that keep a group from being deleted",
    },
    "CreateWorkflowOperator": {
        "CreateWorkflow": "where the workflow does not exist yet",
        "ListWorkflows": "always",
        "GetWorkflow": "always",
        "CreateWorkflowVersion": "where the definition is not registered yet",
        "GetWorkflowVersion": "always",
        "UpdateWorkflow": (
            'with `if_exists="update"`; otherwise to rename a workflow that lost a race (denied: a warning)'
        ),
        "TagResource": "always: the digest of a definition is kept in a tag",
    },
    "UpdateWorkflowOperator": {"UpdateWorkflow": "always", "GetWorkflow": "always"},
    "DeleteWorkflowOperator": {
        "DeleteWorkflow": "always",
        "ListWorkflowVersions": (
            "with `delete_versions`; otherwise to name the versions that keep a workflow from being deleted (denied: a "
            "warning)"
        ),
        "DeleteWorkflowVersion": "with `delete_versions`",
    },
    "CreateWorkflowVersionOperator": {
        "CreateWorkflowVersion": "where the definition is not registered yet",
        "GetWorkflowVersion": "always",
        "TagResource": "always: the digest of a definition is kept in a tag",
    },
    "UpdateWorkflowVersionOperator": {"UpdateWorkflowVersion": "always", "GetWorkflowVersion": "always"},
    "DeleteWorkflowVersionOperator": {"DeleteWorkflowVersion": "always"},
    "ReadSamplesheetOperator": {
        "GetWorkflow": "with `workflow_id`, to read the workflow's parameter template",
        "GetWorkflowVersion": "with `workflow_version_name`, to read that version's parameter template instead",
    },
    "RunSensor": {"GetRun": "always"},
    "RunTaskSensor": {"GetRunTask": "always"},
    "RunBatchSensor": {"GetBatch": "always"},
    "WorkflowSensor": {"GetWorkflow": "always"},
    "WorkflowVersionSensor": {"GetWorkflowVersion": "always"},
}
"""What each operator needs each of its permissions for."""

TAGGED: Mapping[str, tuple[str, ...]] = {
    "CreateRunCacheOperator": ("runCache",),
    "CreateRunGroupOperator": ("runGroup",),
    "CreateWorkflowOperator": ("workflow",),
    "CreateWorkflowVersionOperator": ("workflow",),
    "StartRunOperator": ("run",),
    "StartRunBatchOperator": ("run", "runBatch"),
}
"""What an operator with TagResource puts tags on."""

BESIDES: Mapping[str, Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "StartRunOperator": {
        "iam:PassRole": (
            "always: StartRun hands the run's role over",
            {"Resource": ROLE, "Condition": {"StringEquals": {"iam:PassedToService": "omics.amazonaws.com"}}},
        ),
        "s3:GetObject": (
            "to read the outputs that a completed run declares (denied: a warning)",
            {"Resource": f"arn:aws:s3:::{BUCKET}/runs/*"},
        ),
        "s3:ListBucket": (
            "with `preflight`, to look at the buckets; and to list the outputs of a run that declares none (denied: a "
            "warning)",
            {"Resource": f"arn:aws:s3:::{BUCKET}"},
        ),
        "logs:GetLogEvents": (
            "to copy the end of a failed run's log into the task's (denied: a warning)",
            {"Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/omics/WorkflowLog:log-stream:*"},
        ),
    },
    "StartRunBatchOperator": {
        "iam:PassRole": (
            "always: StartRunBatch hands the runs' role over",
            {"Resource": ROLE, "Condition": {"StringEquals": {"iam:PassedToService": "omics.amazonaws.com"}}},
        ),
        "s3:GetObject": (
            "where the settings of the runs stand in S3",
            {"Resource": f"arn:aws:s3:::{BUCKET}/batches/*"},
        ),
        "s3:PutObject": (
            "where the settings of more than 100 runs are written to S3",
            {"Resource": f"arn:aws:s3:::{BUCKET}/batches/*"},
        ),
    },
    "CreateWorkflowOperator": {
        "s3:GetObject": (
            "where the definition lies in S3",
            {"Resource": f"arn:aws:s3:::{BUCKET}/workflows/*"},
        ),
    },
    "CreateWorkflowVersionOperator": {
        "s3:GetObject": (
            "where the definition lies in S3",
            {"Resource": f"arn:aws:s3:::{BUCKET}/workflows/*"},
        ),
    },
    "ReadSamplesheetOperator": {
        "s3:GetObject": (
            "where the samplesheet lies in S3",
            {"Resource": f"arn:aws:s3:::{BUCKET}/samplesheets/*"},
        ),
    },
    "DeleteRunCacheOperator": {
        "s3:ListBucket": (
            "with `delete_cached_data`",
            {"Resource": f"arn:aws:s3:::{BUCKET}", "Condition": {"StringLike": {"s3:prefix": f"{PREFIX}/*"}}},
        ),
        "s3:DeleteObject": ("with `delete_cached_data`", {"Resource": f"arn:aws:s3:::{BUCKET}/{PREFIX}/*"}),
        "s3:GetBucketVersioning": (
            "with `delete_cached_data`, to say whether old versions stay (denied: the log says so)",
            {"Resource": f"arn:aws:s3:::{BUCKET}"},
        ),
    },
}
"""What an operator needs of other services: the action, what for, and the rest of its statement."""

RUN_ROLE: Sequence[Mapping[str, Any]] = [
    {
        "Sid": "ReadInputsAndCachedResults",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{BUCKET}/{folder}/*" for folder in ("inputs", "batches", PREFIX)],
    },
    {
        "Sid": "WriteOutputsAndCachedResults",
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": [f"arn:aws:s3:::{BUCKET}/{folder}/*" for folder in ("runs", PREFIX)],
    },
    {"Sid": "ListTheBucket", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/omics/WorkflowLog:log-stream:*",
    },
    {
        "Sid": "MakeTheLogGroup",
        "Effect": "Allow",
        "Action": "logs:CreateLogGroup",
        "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/omics/WorkflowLog:*",
    },
    {
        "Sid": "PullContainers",
        "Effect": "Allow",
        "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*",
    },
]
"""What the role of a run needs: https://docs.aws.amazon.com/omics/latest/dev/permissions-service.html.

AWS's own example lets it read and write all of a bucket. A run that can write definitions, settings of batches or
other caches can decide what other runs do; so it writes its outputs and its cache, and nothing else.
"""

TRUST: Sequence[Mapping[str, Any]] = [
    {
        "Effect": "Allow",
        "Principal": {"Service": "omics.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:omics:{REGION}:{ACCOUNT}:run/*"},
        },
    }
]
"""Who may take on the role of a run: HealthOmics, for runs of this account and region."""
