"""Every operator against botocore's model and against what Airflow expects of one."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore import xform_name

import airflow_provider_omics.operators as package
from airflow_provider_omics.compat import BaseOperator
from airflow_provider_omics.hooks import schema
from airflow_provider_omics.operators.base import OmicsBaseOperator, OmicsWaitingOperator
from airflow_provider_omics.provider_info import get_provider_info
from airflow_provider_omics.resources import RESOURCES, SINCE
from airflow_provider_omics.triggers.omics import OmicsTrigger

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG  # type: ignore[no-redef,unused-ignore]


def operators() -> Iterator[type[OmicsBaseOperator]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for _, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(each, OmicsBaseOperator) and hasattr(each, "operation") and each.__module__ == module.name:
                yield each


MODEL: Any = schema.service_model()
OPERATORS = list(operators())
each_operator = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
OWN = {"CreateRunCacheOperator", "GetRunCacheOperator", "UpdateRunCacheOperator", "DeleteRunCacheOperator"}
WORDS = {"cache_id": "id", "run_id": "id"}
"""An id says whose it is: these arguments stand for the API's bare ``id``."""


def arguments(operator: type[OmicsBaseOperator]) -> dict[str, inspect.Parameter]:
    """Return the arguments of an operator's own constructor and of those above it, up to Airflow's."""
    found: dict[str, inspect.Parameter] = {}
    for cls in operator.__mro__:
        if cls is BaseOperator:
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


@each_operator
def test_an_operator_is_named_after_its_operation(operator: type[OmicsBaseOperator]) -> None:
    assert operator.__name__ == f"{operator.operation}Operator"
    assert operator.operation in MODEL.operation_names


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
        if not shape.members[member].metadata.get("idempotencyToken"):
            assert arguments(operator)[arguments_of[member]].default is inspect.Parameter.empty, member


@each_operator
def test_every_argument_is_documented_and_kept(operator: type[OmicsBaseOperator]) -> None:
    documented = {
        name: text
        for cls in operator.__mro__
        if issubclass(cls, OmicsBaseOperator)
        for name, text in re.findall(r":param (\w+):((?:(?!:param)[\s\S])*)", cls.__doc__ or "")
    }
    assert set(documented) == set(arguments(operator))
    made = instance(operator)
    for name in arguments(operator):
        assert hasattr(made, name), name
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
    assert set(operator.permissions) <= set(MODEL.operation_names)


@each_operator
def test_the_constructor_calls_nothing_and_multiple_outputs_follow_xcom(operator: type[OmicsBaseOperator]) -> None:
    made = instance(operator, aws_conn_id="absent")
    assert made.multiple_outputs
    assert not instance(operator, do_xcom_push=False).multiple_outputs
    assert "hook" not in made.__dict__


def test_provider_info_names_every_module_with_operators() -> None:
    info: Any = get_provider_info()
    listed = {module for entry in info["operators"] for module in entry["python-modules"]}
    assert listed == {operator.__module__ for operator in OPERATORS}


@pytest.mark.parametrize("word", RESOURCES)
def test_the_trigger_survives_airflow_s_own_serialization(word: str) -> None:
    from airflow.serialization.serialized_objects import BaseSerialization

    trigger = OmicsTrigger(
        resource=word,
        identifiers={"id": "1"},
        waiter_delay=7,
        try_number=2,
        waiter_max_attempts=3,
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
    of_the_wait = {"resource", "identifiers", "try_number"}
    constructor = set(inspect.signature(OmicsTrigger.__init__).parameters) - {"self"} - of_the_wait
    told = set(arguments(OmicsWaitingOperator)) - {"wait_for_completion", "deferrable", "extra_request"}
    assert constructor == told
    trigger = OmicsTrigger(resource="run", identifiers={"id": "1"}, waiter_delay=1, try_number=1)
    assert set(trigger.serialize()[1]) == constructor | of_the_wait
