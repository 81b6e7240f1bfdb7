"""Hold the emulator against AWS: ``make verify-aws BUCKET=... ROLE=... YES=1``.

It checks that HealthOmics does what AWS documents and the emulator does, and puts the questions to it that the
documentation leaves open. The answers go to ``airflow_provider_omics/emulator/assumptions.json``, which sets what the
emulator does. Credentials and region come from where boto3 finds them.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from verification import course
from verification.account import Account
from verification.old_tokens import AGES, ages

from airflow_provider_omics.emulator import assumptions

CALLS = (
    *("CancelRun", "CreateRunCache", "CreateRunGroup", "CreateWorkflow", "DeleteRun", "DeleteRunCache"),
    *("DeleteRunGroup", "DeleteWorkflow", "GetRun", "GetRunCache", "GetRunGroup", "GetWorkflow", "ListRunCaches"),
    *("ListRunGroups", "ListRuns", "ListTagsForResource", "ListWorkflows", "StartRun", "TagResource", "UntagResource"),
    *("UpdateRunCache", "UpdateRunGroup"),
)
"""What the caller must be allowed to do in HealthOmics; with ``--role`` iam:PassRole besides."""

AWS_HOST = {
    service: re.compile(rf"([a-z0-9-]+\.)*{service}(-fips)?(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|api\.aws)")
    for service in ("omics", "s3", "sts")
}
"""The hosts that are AWS's own, PrivateLink's among them; what runs on EC2 or behind a load balancer is not."""

PLAN = """\
In the AWS account of your credentials, in {region}, this

  - makes about {caches} run caches and a few run groups, all named {name}-…, whose location is s3://{bucket}/{name}/;
    none of them costs anything;
{runs}{ages}  - removes all of it in the end, also after Ctrl-C, and nothing that it did not make.

Cost: nothing for HealthOmics, and some hundred requests to its API and to S3: less than 0.01 USD.{worst}

It needs the permissions omics: {operations}
Besides: iam:PassRole for the role, and of the bucket s3:ListBucketVersions, s3:DeleteObject and s3:DeleteObjectVersion.
The answers go to {results}.
"""
RUNS = """\
  - registers a workflow without tasks, and starts 1 to 4 runs of it with the role {role},
    each cancelled while it is PENDING or STARTING, which is not billed;
"""
AGING = """\
  - repeats requests after {ages} seconds, which is how long it takes at least;
"""
WORST = """
Should a run become RUNNING before it is cancelled, it has no task to bill; its storage costs some cents at the most."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's definition."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2], prog="verify_aws.py")
    made.add_argument("--bucket", required=True, help="a bucket in the region; only a prefix of its own is used")
    made.add_argument(
        "--role", metavar="ARN", help="a role for a run; without one, the questions that need a run stay open"
    )
    made.add_argument("--region", help="by default that of your environment or profile")
    made.add_argument(
        "--longest",
        metavar="SECONDS",
        type=float,
        default=600,
        help=f"the greatest age at which a request token is tried, of {', '.join(map(str, AGES))} (default: 600)",
    )
    made.add_argument(
        "--only",
        metavar="SETTING",
        action="append",
        choices=course.QUESTIONS,
        help="put this question alone (repeatable)",
    )
    made.add_argument("--results", metavar="FILE", type=Path, help="the file of answers (default: the emulator's)")
    made.add_argument(
        "--endpoint-url", metavar="URL", help="an emulator to rehearse on; answers are written to --results only"
    )
    made.add_argument("--clean-up", metavar="NAME", help="only remove what the verification of that name has left")
    made.add_argument("--yes", action="store_true", help="do it; without this, only say what would be done")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Verify, or say what that would do.

    :return: the exit status: 0 if all is answered and removed, 1 if not, 2 if nothing was done.
    """
    command = parser()
    arguments = command.parse_args(argv)
    session = boto3.Session(region_name=arguments.region)
    if session.region_name is None:
        command.error("no region: give --region, or set AWS_REGION")
    try:
        omics, s3, sts = (_client(session, service, arguments.endpoint_url) for service in AWS_HOST)
        account = Account(omics, s3, arguments.bucket, arguments.role, name=arguments.clean_up)
    except ValueError as error:
        command.error(str(error))
    print(
        f"This removes what {account.name} has left in {session.region_name}, and nothing else."
        if arguments.clean_up
        else _plan(account, session.region_name, arguments)
    )
    if not arguments.yes:
        print("Nothing was done. Say --yes (make verify-aws ... YES=1) to go ahead.")
        return 2
    try:
        who = sts.get_caller_identity()["Account"]
        again = f"--bucket {account.bucket} --clean-up {account.name} --yes"
        print(f"Account {who}. Should this be killed, remove what is left with {again}\n")
        return _clean_up(account) if arguments.clean_up else _verify(account, session.region_name, arguments)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS cannot be asked: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _client(session: boto3.Session, service: str, endpoint_url: str | None) -> Any:
    """Return a client; an emulator's address has no host prefixes.

    :raises ValueError: if none is given, and boto3 finds one in the environment or the profile that is not AWS's.
    """
    prefix: Any = {"inject_host_prefix": False} if endpoint_url else {}
    config = Config(retries={"total_max_attempts": 1 if service == "omics" else 5}, **prefix)
    any_service: Any = service
    client = session.client(any_service, endpoint_url=endpoint_url, config=config)
    asked = client.meta.endpoint_url
    if endpoint_url is None and not AWS_HOST[service].fullmatch(urlsplit(asked).hostname or ""):
        raise ValueError(
            f"boto3 is configured to reach {service} at {asked}, which is no endpoint of AWS. Unset AWS_ENDPOINT_URL, "
            f"AWS_ENDPOINT_URL_{service.upper()} and the profile's endpoint_url, or name an emulator by --endpoint-url "
            "to rehearse on it."
        )
    return client


def _plan(account: Account, region: str, arguments: argparse.Namespace) -> str:
    tried = ages(arguments.longest)
    return PLAN.format(
        region=region,
        name=account.name,
        bucket=account.bucket,
        caches=30,
        runs=RUNS.format(role=account.role_arn) if account.role_arn else "",
        ages=AGING.format(ages=", ".join(map(str, tried))) if tried else "",
        worst=WORST if account.role_arn else "",
        operations=textwrap.fill(", ".join(CALLS), 118, initial_indent=" " * 32).strip() + ".",
        results=_results(arguments) or "no file",
    )


def _results(arguments: argparse.Namespace) -> Path | None:
    found: Path | None = arguments.results
    return found or (None if arguments.endpoint_url else assumptions.FILE)


def _clean_up(account: Account) -> int:
    left = account.clean_up()
    print("\n".join([f"NOT REMOVED: {what}" for what in left] or [f"Nothing of {account.name} is left."]))
    return 1 if left else 0


def _verify(account: Account, region: str, arguments: argparse.Namespace) -> int:
    asked = arguments.only or course.QUESTIONS
    results = _results(arguments)

    def keep(name: str, answer: Any) -> None:
        changed = course.write(results, {name: answer}, region, arguments.longest) if results else {}
        for assumed, found in changed.values():
            print(f"{name} was assumed to be {assumed!r}, and is {found!r}")

    outcome = course.verify(
        account,
        asked=asked,
        checked=() if arguments.only else course.CHECKS,
        longest=arguments.longest,
        keep=keep,
    )
    still_open = ", ".join(name for name in asked if name not in outcome.answers)
    print(f"{len(outcome.answers)} answers; still open: {still_open or 'none'}; {len(outcome.differs)} checks differ")
    return 0 if outcome.complete else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up then, too
    sys.exit(main())
