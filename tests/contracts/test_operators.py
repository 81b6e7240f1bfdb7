"""Every operator and every sensor against botocore's model and against what Airflow expects of one."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import botocore
import pytest
from botocore import xform_name

from airflow_provider_omics import operators as operator_package
from airflow_provider_omics import sensors as sensor_package
from airflow_provider_omics.compat import BaseOperator, BaseSensorOperator
from airflow_provider_omics.hooks import schema
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.waiting import OmicsWaitingOperator
from airflow_provider_omics.provider_info import get_provider_info
from airflow_provider_omics.resources import RESOURCES, SINCE
from airflow_provider_omics.sensors.base import OmicsBaseSensor
from airflow_provider_omics.triggers.omics import OmicsTrigger

pytestmark = pytest.mark.matrix

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG  # type: ignore[no-redef,unused-ignore]


def classes(package: ModuleType) -> Iterator[type[OmicsBaseOperator]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for _, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(each, OmicsBaseOperator) and hasattr(each, "operation") and each.__module__ == module.name:
                yield each


MODEL: Any = schema.service_model()
OPERATORS, SENSORS = list(classes(operator_package)), list(classes(sensor_package))
each_operator = pytest.mark.parametrize(
    "operator", OPERATORS + SENSORS, ids=lambda operator: operator.__name__, indirect=True
)
NO_OPERATIONS = {"airflow_provider_omics.operators.samplesheet"}
"""Modules whose operators are for no operation of the API, so that the sweeps have nothing to compare them with."""
OWN = {"CreateRunCacheOperator", "GetRunCacheOperator", "UpdateRunCacheOperator", "DeleteRunCacheOperator"}
WORDS = {"cache_id": "id", "run_id": "id", "run_group_id": "id", "run_task_id": "taskId", "workflow_id": "id"}
"""An id says whose it is, where the API has a bare ``id`` or a name that Airflow has taken."""


MADE_BY_US = {("CreateWorkflowVersion", "versionName")}
"""Required members, besides idempotency tokens, that an operator makes where its author gives none."""


@pytest.fixture
def operator(request: pytest.FixtureRequest) -> type[OmicsBaseOperator]:
    """Return a class, if the installed botocore is young enough to know its operation."""
    found: type[OmicsBaseOperator] = request.param
    if found.operation not in MODEL.operation_names:
        pytest.skip(f"botocore {botocore.__version__} has no {found.operation}")
    return found


def arguments(operator: type[OmicsBaseOperator]) -> dict[str, inspect.Parameter]:
    """Return the arguments of an operator's own constructor and of those above it, up to Airflow's."""
    found: dict[str, inspect.Parameter] = {}
    for cls in operator.__mro__:
        if cls in (BaseOperator, BaseSensorOperator):
            break
        if "__init__" in cls.__dict__:
            found |= {
                name: parameter
                for name, parameter in inspect.signature(inspect.unwrap(cls.__dict__["__init__"])).parameters.items()
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY
            }
    return found


def instance(operator: type[OmicsBaseOperator], **more: Any) -> OmicsBaseOperator:
    required = {n: "1" for n, p in arguments(operator).items() if p.default is inspect.Parameter.empty}
    return operator(task_id="task", **(required | more))


def test_there_are_operators() -> None:
    assert {operator.__name__ for operator in OPERATORS} >= OWN | {"StartRunOperator"}
    assert {sensor.__name__ for sensor in SENSORS} >= {"RunSensor", "RunBatchSensor", "RunTaskSensor"}


@each_operator
def test_an_operator_is_named_after_its_operation_and_a_sensor_after_its_resource(
    operator: type[OmicsBaseOperator],
) -> None:
    assert operator.operation in MODEL.operation_names
    if issubclass(operator, OmicsBaseSensor):
        assert operator.operation == operator.resource.describe
        assert operator.__name__ == "".join(word.title() for word in operator.resource.word.split("_")) + "Sensor"
    else:
        assert operator.__name__ == f"{operator.operation}Operator"


@each_operator
def test_arguments_are_the_members_in_snake_case(operator: type[OmicsBaseOperator]) -> None:
    members = MODEL.operation_model(operator.operation).input_shape.members
    needed = SINCE.get(operator.operation)
    for argument, member in operator.members.items():
        assert member in members or (needed and member in needed.members), member
        assert argument in arguments(operator)
        assert xform_name(member) == argument or WORDS.get(argument) == member


@each_operator
def test_every_required_member_is_a_required_argument_or_made_by_us(operator: type[OmicsBaseOperator]) -> None:
    shape = MODEL.operation_model(operator.operation).input_shape
    arguments_of = {member: argument for argument, member in operator.members.items()}
    for member in shape.required_members:
        ours = shape.members[member].metadata.get("idempotencyToken") or (operator.operation, member) in MADE_BY_US
        if not ours:
            assert arguments(operator)[arguments_of[member]].default is inspect.Parameter.empty, member


KEPT_AS = {"dry_run": "dry"}
"""Arguments whose names are methods of Airflow's."""


@each_operator
def test_every_argument_is_documented_and_kept(operator: type[OmicsBaseOperator]) -> None:
    documented = {
        name: text
        for cls in operator.__mro__
        if cls.__module__.startswith("airflow_provider_omics.")
        for name, text in re.findall(r":param (\w+):((?:(?!:param)[\s\S])*)", cls.__doc__ or "")
    }
    assert set(documented) == set(arguments(operator))
    made = instance(operator)
    for name in arguments(operator):
        assert hasattr(made, KEPT_AS.get(name, name)), name
    for name, text in documented.items():
        assert ("(templated)" in text) is (name in operator.template_fields), name


@each_operator
def test_template_fields_are_attributes(operator: type[OmicsBaseOperator]) -> None:
    assert set(operator.members) <= set(operator.template_fields)
    assert len(set(operator.template_fields)) == len(operator.template_fields)
    assert all(hasattr(instance(operator), name) for name in operator.template_fields)


@each_operator
def test_partial_refuses_a_typo_and_expand_takes_members(operator: type[OmicsBaseOperator]) -> None:
    with pytest.raises(TypeError, match="cache_behaviour"):
        operator.partial(task_id="t", cache_behaviour="x")
    first, *rest = operator.members
    with DAG("mapped", schedule=None, start_date=datetime(2026, 1, 1)):
        required = {n: "1" for n in rest if arguments(operator)[n].default is inspect.Parameter.empty}
        operator.partial(task_id="t", **required).expand(**{first: ["1", "2"]})


@each_operator
def test_permissions_are_operations_of_the_model(operator: type[OmicsBaseOperator]) -> None:
    assert operator.operation in operator.permissions
    # What an older botocore lacks, SINCE names; another test holds SINCE against the newest.
    assert set(operator.permissions) <= {*MODEL.operation_names, *SINCE}


@each_operator
def test_the_constructor_calls_nothing_and_multiple_outputs_follow_xcom(operator: type[OmicsBaseOperator]) -> None:
    made = instance(operator, aws_conn_id="absent")
    assert made.multiple_outputs
    assert not instance(operator, do_xcom_push=False).multiple_outputs
    assert "hook" not in made.__dict__


def test_provider_info_names_every_module_with_operators() -> None:
    info: Any = get_provider_info()
    found = {
        "operators": {each.__module__ for each in OPERATORS} | NO_OPERATIONS,
        "sensors": {each.__module__ for each in SENSORS},
    }
    for layer, modules in found.items():
        assert {module for entry in info[layer] for module in entry["python-modules"]} == modules


@pytest.mark.parametrize("word", RESOURCES)
def test_the_trigger_survives_airflow_s_own_serialization(word: str) -> None:
    from airflow.serialization.serialized_objects import BaseSerialization

    trigger = OmicsTrigger(
        resource=word,
        identifiers={"id": "1"},
        waiter_delay=7,
        try_number=2,
        arn="arn:aws:omics:us-east-1:123456789012:run/1",
        limits=Limits(waiter_max_attempts=3, run_timeout=60.0).plain(),
        cancel_on_kill=False,
        aws_conn_id=None,
        region_name="us-east-1",
        verify=False,
        botocore_config={"read_timeout": 5},
    )
    path, kwargs = trigger.serialize()
    stored = json.loads(json.dumps(BaseSerialization.serialize(kwargs)))
    again = OmicsTrigger(**BaseSerialization.deserialize(stored))
    assert path == f"{OmicsTrigger.__module__}.OmicsTrigger"
    assert again.serialize() == (path, kwargs)


def test_the_trigger_takes_everything_that_a_waiting_operator_is_told_about_connection_and_waiting() -> None:
    of_the_wait = {"resource", "identifiers", "try_number", "arn", "uuid", "limits"}
    constructor = set(inspect.signature(OmicsTrigger.__init__).parameters) - {"self"} - of_the_wait
    told = set(arguments(OmicsWaitingOperator))
    told -= {"wait_for_completion", "deferrable", "extra_request"}  # of the task's own process
    told -= {"waiter_max_attempts", "on_timeout"}  # which travel in the limits, and wait for the event
    assert constructor == told
    trigger = OmicsTrigger(resource="run", identifiers={"id": "1"}, waiter_delay=1, try_number=1)
    assert set(trigger.serialize()[1]) == constructor | of_the_wait
