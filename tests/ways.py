"""The main ways of each operator and sensor, executed against the emulator, and what their calls need."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.hooks import s3, schema
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.sensors.base import OmicsBaseSensor
from tests.archives import archive
from tests.conftest import ContextMaker
from tests.samples import SAMPLES
from tests.waits import finish

KNOWN = schema.service_model().operation_names


@dataclass
class World:
    """One emulated account, and what operators have needed in it."""

    store: Any
    omics: Any
    clock: Any
    faults: Any
    context: ContextMaker
    bucket: str
    tmp_path: Path
    operators: Mapping[str, Any]
    """The classes of operators and sensors by their names."""
    role: str
    """The role of runs."""
    needed: set[tuple[str, str]] = field(default_factory=set)

    def execute(self, name: str, raises: type[Exception] | None = None, /, **given: Any) -> None:
        """Execute an operator, and take note of what it alone has needed."""
        with pytest.raises(raises) if raises else nullcontext():
            self._execute(name, **given)

    def _execute(self, name: str, /, **given: Any) -> None:
        at = {key: given.pop(key) for key in ("try_number", "max_tries") if key in given}
        operator = self.operators[name](task_id="task", **given)
        context = self.context(**({"max_tries": 1} | at))
        self.store.permissions.clear()
        try:
            if isinstance(operator, OmicsBaseSensor):
                operator.poke(context)
            elif hasattr(operator, "operation"):
                finish(operator, context)
            else:
                operator.execute(context)
        finally:
            for statement in self.store.permissions.policy()["Statement"]:
                self.needed |= {(a, on) for a in statement["Action"] for on in statement["Resource"]}

    def put(self, key: str, body: bytes) -> str:
        """Write an object, and return its URI."""
        s3.client(OmicsHook()).put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    @property
    def run(self) -> dict[str, Any]:
        """The arguments of a run."""
        return {"workflow_id": "1234567", "role_arn": self.role, "output_uri": f"s3://{self.bucket}/runs"}

    def begin(self, **members: Any) -> str:
        """Start a run beside the operators, and return its id."""
        request = {
            "workflowId": "1234567",
            "roleArn": self.role,
            "outputUri": f"s3://{self.bucket}/runs",
            **members,
        }
        return str(self.omics.start_run(**request)["id"])

    def cache(self, **members: Any) -> str:
        """Make a run cache beside the operators, and return its id."""
        location = f"s3://{self.bucket}/run-cache"
        return str(self.omics.create_run_cache(cacheS3Location=location, **members)["id"])

    def batch(self) -> str:
        """Start a batch beside the operators, and return its id."""
        shared = {"workflowId": "1234567", "roleArn": self.role, "outputUri": f"s3://{self.bucket}/runs"}
        settings = {"inlineSettings": SAMPLES}
        return str(self.omics.start_run_batch(defaultRunSetting=shared, batchRunSettings=settings)["id"])

    def version(self, name: str = "v1") -> dict[str, str]:
        """Make a version of the workflow beside the operators, and return what names it."""
        self.omics.create_workflow_version(workflowId="1234567", versionName=name, definitionZip=archive())
        self.clock.advance(10)
        return {"workflow_id": "1234567", "version_name": name}

    def definition(self, text: str = "workflow {}") -> str:
        """Write a definition, and return its path."""
        path = self.tmp_path / "main.nf"
        path.write_text(text)
        return str(path)

    def fail_runs(self) -> None:
        """Let every run fail in the second of its two tasks."""
        call = Task("call", after=("align",), fail_first=99)
        self.store.plans.set("*", Plan((Task("align"), call)))


Way = Callable[[World], None]
WAYS: dict[str, Way] = {}


def way(function: Way) -> Way:
    """Add the main ways of an operator; the function is named after its class."""
    WAYS["".join(word.title() for word in function.__name__.split("_"))] = function
    return function


@way
def create_run_cache_operator(world: World) -> None:
    given = {"name": "cohort", "cache_s3_location": f"s3://{world.bucket}/run-cache", "tags": {"team": "a"}}
    world.execute("CreateRunCacheOperator", **given)
    world.clock.advance(60)
    world.execute("CreateRunCacheOperator", **given, if_exists="update", cache_behavior="CACHE_ALWAYS")


@way
def delete_run_cache_operator(world: World) -> None:
    cache_id = world.cache()
    world.begin(cacheId=cache_id)
    world.execute("DeleteRunCacheOperator", errors.RunCacheInUse, cache_id=cache_id)
    world.clock.advance(3600)
    key = world.omics.get_run_cache(id=cache_id)["cacheS3Uri"].removeprefix(f"s3://{world.bucket}/") + "entry"
    world.put(key, b"1")
    world.execute("DeleteRunCacheOperator", cache_id=cache_id, delete_cached_data=True)


@way
def start_run_operator(world: World) -> None:
    cache_id = world.cache()
    given = {**world.run, "cache_id": cache_id}
    if "CreateWorkflowVersion" in KNOWN:
        given["workflow_version_name"] = world.version()["version_name"]
    for deferrable in (False, True):
        world.execute("StartRunOperator", **given, deferrable=deferrable)
    world.execute("StartRunOperator", **given, wait_for_completion=False)
    world.execute("StartRunOperator", **given, try_number=2)
    world.execute("StartRunOperator", errors.WaitTimeout, **given, waiter_max_attempts=1, max_tries=2)
    world.fail_runs()
    world.execute("StartRunOperator", errors.RunFailed, **given, max_tries=3)


@way
def delete_run_operator(world: World) -> None:
    run_id = world.begin()
    world.clock.advance(3600)
    world.execute("DeleteRunOperator", run_id=run_id)


@way
def start_run_batch_operator(world: World) -> None:
    shared = {"workflowId": "1234567", "roleArn": world.role, "outputUri": f"s3://{world.bucket}/runs"}
    shared["cacheId"] = world.cache()
    uri = world.put("batches/cohort.json", json.dumps(SAMPLES).encode())
    given: dict[str, Any] = {"default_run_setting": shared, "batch_run_settings": uri}
    world.fail_runs()
    world.execute("StartRunBatchOperator", errors.RunBatchFailed, **given)
    world.store.plans.set("*", Plan((Task("align"),)))
    world.execute("StartRunBatchOperator", **given, try_number=2)
    world.execute("StartRunBatchOperator", errors.WaitTimeout, **given, waiter_max_attempts=1, max_tries=2)
    many = [{"runSettingId": f"sample_{number}"} for number in range(101)]
    folder = f"s3://{world.bucket}/batches"
    given = {**given, "batch_run_settings": many, "settings_s3_prefix": folder}
    world.execute("StartRunBatchOperator", **given, wait_for_completion=False, max_tries=3)


@way
def cancel_run_batch_operator(world: World) -> None:
    batch_id = world.batch()
    world.clock.advance(10)
    world.execute("CancelRunBatchOperator", batch_id=batch_id)


@way
def delete_run_batch_operator(world: World) -> None:
    for failing in (False, True):
        batch_id = world.batch()
        world.clock.advance(3600)
        if failing:
            world.faults.fail_submission("sample_2", "AccessDeniedException", operation="DeleteRun")
        world.execute("DeleteRunBatchOperator", errors.RunBatchNotDeleted if failing else None, batch_id=batch_id)


@way
def delete_batch_operator(world: World) -> None:
    batch_id = world.batch()
    world.clock.advance(3600)
    world.execute("DeleteBatchOperator", batch_id=batch_id)


@way
def create_run_group_operator(world: World) -> None:
    given = {"name": "cohort", "tags": {"team": "a"}}
    world.execute("CreateRunGroupOperator", **given, max_runs=3)
    world.clock.advance(60)
    world.execute("CreateRunGroupOperator", **given, max_runs=4, if_exists="update")


@way
def delete_run_group_operator(world: World) -> None:
    group_id = world.omics.create_run_group(name="g")["id"]
    world.begin(runGroupId=group_id)
    world.execute("DeleteRunGroupOperator", errors.RunGroupInUse, run_group_id=group_id)


@way
def create_workflow_operator(world: World) -> None:
    given = {"name": "cohort", "definition": world.put("workflows/cohort.zip", archive())}
    world.execute("CreateWorkflowOperator", **given)
    world.clock.advance(60)
    world.execute("CreateWorkflowOperator", **given, if_exists="update", description="d")


@way
def delete_workflow_operator(world: World) -> None:
    versions = "CreateWorkflowVersion" in KNOWN
    if versions:
        world.version()
    world.execute("DeleteWorkflowOperator", workflow_id="1234567", delete_versions=versions)


@way
def create_workflow_version_operator(world: World) -> None:
    uri = world.put("workflows/cohort.zip", archive())
    for definition in (uri, world.definition()):
        world.execute("CreateWorkflowVersionOperator", workflow_id="1234567", definition=definition)


@way
def read_samplesheet_operator(world: World) -> None:
    given = {"samplesheet": world.put("samplesheets/cohort.csv", b"sample\nNA12878\n"), "workflow_id": "1234567"}
    world.execute("ReadSamplesheetOperator", **given)
    if "CreateWorkflowVersion" in KNOWN:
        world.version()
        world.execute("ReadSamplesheetOperator", **given, workflow_version_name="v1")


@way
def run_task_sensor(world: World) -> None:
    run_id = world.begin()
    world.clock.advance(3600)
    (task, *_) = world.omics.list_run_tasks(id=run_id)["items"]
    world.execute("RunTaskSensor", run_id=run_id, run_task_id=task["taskId"])


WAYS |= {
    "GetRunCacheOperator": lambda world: world.execute("GetRunCacheOperator", cache_id=world.cache()),
    "UpdateRunCacheOperator": lambda world: world.execute(
        "UpdateRunCacheOperator", cache_id=world.cache(), description="d"
    ),
    "CancelRunOperator": lambda world: world.execute("CancelRunOperator", run_id=world.begin()),
    "UpdateRunGroupOperator": lambda world: world.execute(
        "UpdateRunGroupOperator", run_group_id=world.omics.create_run_group(name="g")["id"], max_runs=2
    ),
    "UpdateWorkflowOperator": lambda world: world.execute(
        "UpdateWorkflowOperator", workflow_id="1234567", description="d"
    ),
    "UpdateWorkflowVersionOperator": lambda world: world.execute(
        "UpdateWorkflowVersionOperator", **world.version(), description="d"
    ),
    "DeleteWorkflowVersionOperator": lambda world: world.execute("DeleteWorkflowVersionOperator", **world.version()),
    "RunSensor": lambda world: world.execute("RunSensor", run_id=world.begin()),
    "RunBatchSensor": lambda world: world.execute("RunBatchSensor", batch_id=world.batch()),
    "WorkflowSensor": lambda world: world.execute("WorkflowSensor", workflow_id="1234567"),
    "WorkflowVersionSensor": lambda world: world.execute("WorkflowVersionSensor", **world.version()),
}
