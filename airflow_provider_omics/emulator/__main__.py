"""``python -m airflow_provider_omics.emulator``: a HealthOmics on one's own machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

from airflow_provider_omics.emulator.clean_environment import begin_again

if __name__ == "__main__":
    begin_again()  # before anything that takes its time to import
try:
    from airflow_provider_omics.emulator.clock import Clock
    from airflow_provider_omics.emulator.connection import exports
    from airflow_provider_omics.emulator.control import ROOT
    from airflow_provider_omics.emulator.core import ACCOUNT, DEFAULT_ACCOUNT, DEFAULT_REGION, REGION
    from airflow_provider_omics.emulator.neighbours import MotoNeighbours, NoNeighbours
    from airflow_provider_omics.emulator.server import Server
    from airflow_provider_omics.emulator.simulated import Plan
    from airflow_provider_omics.emulator.store import Store
except ModuleNotFoundError as error:
    print(f"The emulator needs {error.name}: pip install 'airflow-provider-omics[emulator]'", file=sys.stderr)
    sys.exit(2)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's definition."""
    made = argparse.ArgumentParser(
        prog="python -m airflow_provider_omics.emulator",
        description="Answer as AWS HealthOmics on this machine, with S3, STS and CloudWatch Logs beside it.",
    )
    made.add_argument(
        "--port", type=_port, default=5000, help="TCP port on 127.0.0.1; 0: any free one (default: %(default)s)"
    )
    made.add_argument("--no-neighbours", action="store_true", help="HealthOmics alone, without S3, STS and Logs")
    made.add_argument(
        "--service",
        metavar="NAME",
        action="append",
        default=[],
        help="let moto answer for this service, too, by the name of its package there, e.g. dynamodb (repeatable). "
        "Some of them run containers or call addresses",
    )
    made.add_argument(
        "--bucket",
        type=_of(_BUCKET, "a bucket's name is 3 to 63 of a-z, 0-9, dot and hyphen, with a letter or digit at each end"),
        metavar="NAME",
        action="append",
        default=[],
        help="make this S3 bucket (repeatable)",
    )
    made.add_argument(
        "--workflow", metavar="ID", action="append", default=[], help="make a workflow of this id (repeatable)"
    )
    made.add_argument(
        "--engine",
        choices=["simulated", "wdl"],
        default="simulated",
        help="what a run does: follow a plan, or execute the tasks of its WDL workflow as processes of this machine, "
        "with your rights (default: %(default)s)",
    )
    made.add_argument(
        "--speed",
        type=float,
        help="emulated seconds in a real one (default: 60, and with --engine wdl, whose tasks are real, 1)",
    )
    made.add_argument(
        "--account",
        type=_of(ACCOUNT, "an account is 12 digits"),
        default=DEFAULT_ACCOUNT,
        help="account of every request (default: %(default)s)",
    )
    made.add_argument(
        "--region",
        type=_of(REGION, "a region is lower-case letters, digits and hyphens"),
        default=DEFAULT_REGION,
        help="region of buckets and workflows (default: %(default)s)",
    )
    made.add_argument(
        "--fail-task", metavar="NAME", action="append", default=[], help="fail this task in its first run (repeatable)"
    )
    made.add_argument(
        "--print-iam-policy",
        action="store_true",
        help="print the IAM policy that the calls seen would need in AWS, at the end",
    )
    return made


def _of(rule: re.Pattern[str], what: str) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if not rule.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{what}, not {text!r}")
        return text

    return checked


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the emulator until it is interrupted.

    :return: the exit status: 0 after Ctrl-C or SIGTERM, 2 if what was asked for cannot be.
    """
    command = parser()
    arguments = command.parse_args(argv)
    _check(command, arguments)
    try:
        store = _store(arguments)
        server = Server(store, neighbours=not arguments.no_neighbours, services=arguments.service, port=arguments.port)
    except ValueError as error:
        command.error(str(error))
    except OSError as error:
        command.error(f"port {arguments.port} cannot be used ({error.strerror}): give another --port, or 0 for any")
    os.environ["MOTO_ACCOUNT_ID"] = arguments.account  # both moto and the core go by it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(store), server:
        try:
            server.wait()
        except RuntimeError as error:
            command.error(f"{error} The reason: {error.__cause__}")
        for name in arguments.bucket:
            MotoNeighbours().create_bucket(name, arguments.account, arguments.region)
        print(_greeting(server.url, arguments.region), flush=True)
        while True:
            time.sleep(0.2)  # not for ever: a signal that reaches another thread does not wake this one
    if arguments.print_iam_policy:
        print(json.dumps(store.permissions.policy(), indent=2))
    return 0


def _check(command: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.bucket and arguments.no_neighbours:
        command.error("--bucket needs S3: leave out --no-neighbours")
    if arguments.service and arguments.no_neighbours:
        command.error("--service needs moto: leave out --no-neighbours")
    if twice := [name for name, count in Counter(arguments.bucket).items() if count > 1]:
        command.error(f"--bucket {twice[0]} is given twice")


def _store(arguments: argparse.Namespace) -> Store:
    neighbours = NoNeighbours() if arguments.no_neighbours else MotoNeighbours()
    speed = arguments.speed if arguments.speed is not None else 1 if arguments.engine == "wdl" else 60
    store = Store(clock=Clock(speed=speed), neighbours=neighbours, engine=arguments.engine)
    for workflow_id in arguments.workflow:
        store.seed_workflow(arguments.account, arguments.region, workflow_id, name=f"workflow-{workflow_id}")
    if arguments.fail_task:
        store.plans.set("*", _failing(store.plans.plan_for("*"), arguments.fail_task))
    return store


def _failing(plan: Plan, names: Sequence[str]) -> Plan:
    known = [task.name for task in plan.tasks]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"--fail-task: a run has no task {unknown[0]!r}; it has {', '.join(known)}")
    tasks = [dataclasses.replace(task, fail_first=1) if task.name in names else task for task in plan.tasks]
    return dataclasses.replace(plan, tasks=tuple(tasks))


def _greeting(url: str, region: str) -> str:
    return "\n".join(
        [
            f"HealthOmics answers at {url}. Paste this where Airflow, the AWS CLI or boto3 runs:",
            "",
            *exports(url, region),
            "",
            f"Faults, plans and the clock: {url}{ROOT}. Stop with Ctrl-C.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
