"""One Airflow home for each test process, and a task's context to call operators with."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.limit import LIMIT_SECONDS

if TYPE_CHECKING:
    from tests.dag_runner import DagRunner

# Before anything imports Airflow: without a home of its own it makes a folder in the user's.
HOME = tempfile.mkdtemp(prefix="omics-tests-")
os.environ["AIRFLOW_HOME"] = HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

REGION = "us-east-1"


def pytest_unconfigure() -> None:
    """Remove the home."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _make_clients_quickly() -> None:
    """Let botocore read each of its files once, and keep what it makes of them: every test makes clients anew.

    Kept are the names of its files, a service's methods, its rules for endpoints and the names of events: none of them
    changes with what a client is made for. The signatures of its own handlers of events, which it reads for each
    session, are not read at all.
    """
    from botocore import hooks, regions
    from botocore.client import ClientCreator
    from botocore.loaders import JSONFileLoader, Loader

    files: Any = JSONFileLoader
    files.load_file = kept(files.load_file, lambda _, path: path)
    folders: Any = Loader
    for name in ("list_available_services", "list_api_versions"):
        listing = kept(getattr(folders, name), lambda _, *given, **named: (*given, *named.values()))
        setattr(folders, name, listing)
    creator: Any = ClientCreator
    methods = kept(creator._create_methods, lambda _, model: model.service_name)
    creator._create_methods = lambda *given: dict(methods(*given))  # the caller adds to it
    events: Any = hooks
    events.EventAliaser._alias_event_name = kept(events.EventAliaser._alias_event_name, lambda _, name: name)
    events.HierarchicalEmitter._verify_accept_kwargs = lambda *_: None
    module: Any = regions
    module.EndpointProvider = kept(module.EndpointProvider, lambda ruleset_data, **_: id(ruleset_data))


def kept(make: Callable[..., Any], key: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes something once for each key of its arguments, which it keeps alive."""
    made: dict[Any, tuple[Any, Any]] = {}

    def once(*given: Any, **named: Any) -> Any:
        which = key(*given, **named)
        if which not in made:
            made[which] = make(*given, **named), (given, named)
        return made[which][0]

    return once


@pytest.fixture(scope="session", autouse=True)
def _leave_the_stack_alone() -> None:
    """Let the amazon provider not look for its caller's name, which goes into the user agent.

    It walks the stack for each client; below pytest, and sixty frames deep, that is an eighth of all a test does.
    """
    from airflow.providers.amazon.aws.hooks import base_aws

    hook: Any = base_aws.AwsGenericHook
    hook._find_operator_class_name = staticmethod(lambda *_: "Test")


@dataclass
class FakeTaskInstance:
    """What operators read of a task instance, and what they push: the one thing that is mocked here."""

    dag_id: str = "genomes"
    run_id: str = "scheduled__2026-01-01"
    task_id: str = "task"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what was pushed."""
        self.pushed[key] = value


ContextMaker = Callable[..., Any]
Logged = Callable[[], str]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Logged:
    """Return what was logged so far: by the logging of Airflow 2, or on standard output by that of Airflow 3."""
    caplog.set_level(logging.INFO)
    seen: list[str] = []

    def text() -> str:
        seen.extend(capfd.readouterr())
        return "".join(seen) + caplog.text

    return text


@pytest.fixture
def context() -> ContextMaker:
    """Return a maker of contexts: ``context(task_id="cache", try_number=2)``."""

    def make(**members: Any) -> dict[str, Any]:
        return {"ti": FakeTaskInstance(**members)}

    return make


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let Airflow's database hold a state of every task instance; an exception is one that nobody can tell."""
    from airflow_provider_omics.hooks import killing

    def hold(found: str | Exception | None) -> None:
        def task_state(*_: Any) -> str | None:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(killing, "task_state", task_state)

    return hold


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Make Airflow's database once for the whole session."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def dag_runner(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagRunner]:
    """Return the process that runs DAGs for all tests of the session."""
    from tests.dag_runner import DagRunner

    runner = DagRunner(tmp_path_factory.mktemp("dag_runs"))
    yield runner
    runner.close()


@pytest.fixture
def quick_waits(monkeypatch: pytest.MonkeyPatch, omics_clock: Any, omics_connection: str) -> None:
    """Let the emulator's clock move where a wait would sleep."""
    skip_sleeps(monkeypatch, omics_clock)


def skip_sleeps(monkeypatch: pytest.MonkeyPatch, omics_clock: Any) -> None:
    """Let a clock move where a wait would sleep."""
    from airflow_provider_omics.hooks import budget, killing, preflight
    from airflow_provider_omics.hooks import omics as hook_module
    from airflow_provider_omics.operators import adoption, ending, ensure, run_batch_course, starting
    from airflow_provider_omics.triggers import poller

    async def advance(seconds: float) -> None:
        omics_clock.advance(seconds)

    async def pause(woken: asyncio.Event, seconds: float) -> None:
        """Let time pass as soon as nothing else is to be done."""
        for _ in range(20):
            await asyncio.sleep(0)
        if not woken.is_set() and seconds != float("inf"):
            omics_clock.advance(seconds)

    for module in (hook_module, killing, adoption, ending, ensure, run_batch_course, starting):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)
    monkeypatch.setattr(preflight, "SECONDS", LIMIT_SECONDS)  # the emulator answers late where the machine is busy
    monkeypatch.setattr(budget, "_budgets", {})
    monkeypatch.setattr(budget, "sleep", advance)
    monkeypatch.setattr(budget, "monotonic", lambda: omics_clock.now().timestamp())
    monkeypatch.setattr(poller, "pause", pause)


@pytest.fixture
def omics(omics_connection: str) -> Any:
    """Return a plain boto3 client, for what a test does beside the operators."""
    from airflow_provider_omics.hooks.omics import OmicsHook

    return OmicsHook().conn


@pytest.fixture
def cache_id(omics: Any, omics_bucket: str) -> str:
    """Make a run cache, and return its id."""
    return str(omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache")["id"])


@pytest.fixture
def workflow_id(omics_emulator: Any) -> str:
    """Make a workflow, and return its id."""
    omics_emulator.store.seed_workflow("123456789012", "us-east-1", "1234567", name="germline")
    return "1234567"


@pytest.fixture
def start(workflow_id: str, omics_bucket: str) -> Any:
    """Return a maker of StartRunOperators."""
    from airflow_provider_omics.operators.run import StartRunOperator

    def make(**arguments: Any) -> Any:
        defaults = {
            "task_id": "run",
            "workflow_id": workflow_id,
            "role_arn": "arn:aws:iam::123456789012:role/Omics",
            "output_uri": f"s3://{omics_bucket}/runs",
        }
        return StartRunOperator(**(defaults | arguments))

    return make


@pytest.fixture
def other_places(workflow_id: str, omics_emulator: Any, omics_bucket: str) -> None:
    """Make another workflow and another bucket, as the copies in :data:`tests.samples.CLONES` use them."""
    omics_emulator.store.neighbours.create_bucket("stolen", "123456789012", "us-east-1")
    omics_emulator.store.seed_workflow("123456789012", "us-east-1", "7654321", name="exfiltrate")


@pytest.fixture
def begin(omics: Any, workflow_id: str, omics_bucket: str) -> Callable[..., str]:
    """Return what starts a run of a few emulated minutes beside the operators, and tells its id."""
    role, output = "arn:aws:iam::123456789012:role/Omics", f"s3://{omics_bucket}/runs"
    return lambda **members: str(
        omics.start_run(workflowId=workflow_id, roleArn=role, outputUri=output, **members)["id"]
    )


@pytest.fixture
def first_try(start: Any, context: ContextMaker) -> Any:
    """Return a maker of what the first try leaves behind when its worker dies: a run that nobody waits for."""

    def make(at: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        made: dict[str, Any] = start(wait_for_completion=False, **arguments).execute(context(**(at or {})))
        return made

    return make


@pytest.fixture
def start_batch(workflow_id: str, omics_bucket: str, cache_id: str, fail_in: Any) -> Any:
    """Return a maker of StartRunBatchOperators."""
    from airflow_provider_omics.operators.run_batch import StartRunBatchOperator
    from tests.samples import SAMPLES

    def make(shared: dict[str, Any] | None = None, **arguments: Any) -> Any:
        default = {
            "workflowId": workflow_id,
            "roleArn": "arn:aws:iam::123456789012:role/Omics",
            "outputUri": f"s3://{omics_bucket}/runs",
            "cacheId": cache_id,
        }
        defaults = {"default_run_setting": default | (shared or {}), "batch_run_settings": SAMPLES}
        return StartRunBatchOperator(task_id="cohort", **(defaults | arguments))

    return make


@pytest.fixture
def fail_in(omics_emulator: Any) -> Callable[..., None]:
    """Return what lets the runs of samples fail so often in the second of their two tasks."""
    from airflow_provider_omics.emulator.simulated import Plan, Task

    def failing(*samples: str, times: int = 1, reason: str = "RUN_TASK_FAILED") -> None:
        call = Task("call", after=("align",), fail_first=times, fails_in=samples, failure_reason=reason)
        omics_emulator.store.plans.set("*", Plan((Task("align"), call)))

    failing()
    return failing
