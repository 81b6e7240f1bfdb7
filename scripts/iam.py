"""The IAM policies of the README: ``python scripts/iam.py`` writes them, ``--check`` fails if they are out of date.

The actions come from each operator's ``permissions``; what an action can be restricted to, and what it is needed for,
stands below. The documentation shows the same policies.
"""

from __future__ import annotations

import argparse
import atexit
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if "AIRFLOW_HOME" not in os.environ:  # importing Airflow makes a folder there
    home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="omics-iam-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- iam: start, written by scripts/iam.py -->", "<!-- iam: end -->"

REGION, ACCOUNT = "us-east-1", "123456789012"
BUCKET, PREFIX = "amzn-s3-demo-bucket", "run-cache"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/OmicsRunRole"

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "CancelRun": ("run",),
    "CreateRunCache": (),
    "CreateRunGroup": (),
    "DeleteRun": ("run",),
    "DeleteRunCache": ("runCache",),
    "DeleteRunGroup": ("runGroup",),
    "GetBatch": ("runBatch",),
    "GetRun": ("run",),
    "GetRunCache": ("runCache",),
    "GetRunGroup": ("runGroup",),
    "GetRunTask": ("run", "task"),
    "GetWorkflow": ("workflow",),
    "GetWorkflowVersion": ("workflow",),  # workflow/* covers workflow/ID/version/NAME
    "ListRunCaches": (),
    "ListRunGroups": (),
    "ListRunTasks": ("run",),
    "ListRuns": (),
    "StartRun": ("run", "runCache", "runGroup", "workflow"),
    "UpdateRunCache": ("runCache",),
    "UpdateRunGroup": ("runGroup",),
}
"""The resource types that an action can be restricted to; () where AWS allows ``*`` only.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_omics.html
"""

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
        "ListRuns": "to name the runs that keep a cache from being deleted",
        "GetRun": "to name the runs that keep a cache from being deleted",
    },
    "StartRunOperator": {
        "StartRun": "always",
        "TagResource": "with `airflow_tags` (the default) or `tags`",
        "ListRuns": "to find what an earlier try, or a StartRun without an answer, has started (denied: the task fails)",
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
    "RunSensor": {"GetRun": "always"},
    "RunTaskSensor": {"GetRunTask": "always"},
    "RunBatchSensor": {"GetBatch": "always"},
}
"""What each operator needs each of its permissions for."""

TAGGED: Mapping[str, str] = {
    "CreateRunCacheOperator": "runCache",
    "CreateRunGroupOperator": "runGroup",
    "StartRunOperator": "run",
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
        "Sid": "ReadAndWriteObjects",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
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
"""What the role of a run needs: https://docs.aws.amazon.com/omics/latest/dev/permissions-service.html."""

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


def operators() -> dict[str, Any]:
    """Return the classes of operators and sensors by their names, in the order in which they are documented."""
    from airflow_provider_omics.provider_info import get_provider_info

    info: Any = get_provider_info()
    names = [name for layer in ("operators", "sensors") for entry in info[layer] for name in entry["python-modules"]]
    found = [
        item
        for module in map(importlib.import_module, names)
        for item in vars(module).values()
        if isinstance(item, type) and hasattr(item, "permissions") and item.__module__ == module.__name__
    ]
    return {operator.__name__: operator for operator in found}


def statements(name: str, permissions: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the policy statements of an operator: one for each set of resources, and those of other services."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for operation in permissions:
        kinds = (TAGGED[name],) if operation == "TagResource" else RESOURCES[operation]
        resources = tuple(f"arn:aws:omics:{REGION}:{ACCOUNT}:{kind}/*" for kind in kinds)
        grouped.setdefault(resources, []).append(f"omics:{operation}")
    own = [
        {"Effect": "Allow", "Action": actions, "Resource": list(resources) or "*"}
        for resources, actions in grouped.items()
    ]
    besides = BESIDES.get(name, {}).items()
    return [*own, *({"Effect": "Allow", "Action": action, **rest} for action, (_, rest) in besides)]


def needs(name: str) -> list[tuple[str, str]]:
    """Return every action of an operator, and what it is needed for."""
    own = [(f"omics:{operation}", why) for operation, why in NEEDED[name].items()]
    return own + [(action, why) for action, (why, _) in BESIDES.get(name, {}).items()]


def policy(parts: Sequence[Mapping[str, Any]]) -> str:
    """Return a policy document; a list of one string is written as the string, and a short one on one line."""

    def short(value: Any) -> Any:
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    shortened = [{key: short(value) for key, value in part.items()} for part in parts]
    text = json.dumps({"Version": "2012-10-17", "Statement": shortened}, indent=2)
    lists = re.compile(r"\[\s+([^\[\]{}]{1,99})\s+\]")
    return lists.sub(lambda found: f"[{' '.join(found[1].split())}]", text)


def documents() -> dict[str, str]:
    """Return every policy document by its title."""
    made = {name: policy(statements(name, operator.permissions)) for name, operator in operators().items()}
    return {**made, "The run's role": policy(RUN_ROLE), "Its trust policy": policy(TRUST)}


def readme_part() -> str:
    """Return what stands between the markers of the README."""
    lines = ["| operator | action | needed |", "|---|---|---|"]
    for name in NEEDED:
        lines += [f"| `{name}` | `{action}` | {why} |" for action, why in needs(name)]
    for title, document in documents().items():
        shown = f"<code>{title}</code>" if title in NEEDED else title
        lines += ["", f"<details><summary>{shown}</summary>", "", "```json", document, "```", "", "</details>"]
    return "\n".join([START, "", *lines, "", END])


def main() -> int:
    """Write the README's part, or check it; the exit status is 1 if it was out of date."""
    parser = argparse.ArgumentParser(description="Write the IAM policies of the README.")
    parser.add_argument("--check", action="store_true", help="change nothing, and fail if they are out of date")
    check = parser.parse_args().check
    text = README.read_text()
    current = re.sub(f"{re.escape(START)}.*{re.escape(END)}", lambda _: readme_part(), text, flags=re.DOTALL)
    if current == text:
        return 0
    if check:
        print("The IAM policies of README.md are out of date: run python scripts/iam.py", file=sys.stderr)
        return 1
    README.write_text(current)
    return 0


if __name__ == "__main__":
    sys.exit(main())
