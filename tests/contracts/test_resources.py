"""The records of resources.py against botocore's service model."""

from __future__ import annotations

import re
from typing import Any

import botocore
import pytest

from airflow_provider_omics.hooks import schema
from airflow_provider_omics.resources import CACHE_BEHAVIORS, RESOURCES, SINCE, Resource

pytestmark = pytest.mark.matrix

MODEL: Any = schema.service_model()
SHAPES = MODEL.shape_names
each_resource = pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES, indirect=True)


@pytest.fixture
def resource(request: pytest.FixtureRequest) -> Resource:
    """Return a record, if the installed botocore is young enough to know the resource."""
    found: Resource = request.param
    if found.describe not in MODEL.operation_names:
        pytest.skip(f"botocore {botocore.__version__} has no {found.describe}")
    return found


def enum_of(resource: Resource) -> set[str]:
    """Return the statuses of the model; a resource that has none is held to that by its description, below."""
    return set(MODEL.shape_for(resource.enum).enum) if resource.enum else set()


@each_resource
def test_the_four_groups_are_disjoint_and_cover_the_enum(resource: Resource) -> None:
    groups = (resource.progress, resource.stopping, resource.succeeded, resource.failed)
    assert sum(map(len, groups)) == len(resource.statuses), "a status stands in two groups"
    assert enum_of(resource) <= resource.statuses, "the model has statuses that no group names"


@pytest.mark.locked
@each_resource
def test_no_group_names_a_status_that_the_model_lacks(resource: Resource) -> None:
    assert resource.statuses == enum_of(resource)


@each_resource
def test_operations_and_identifiers(resource: Resource) -> None:
    for operation in (resource.describe, resource.cancel, resource.delete):
        if operation:
            members = MODEL.operation_model(operation).input_shape.required_members
            assert set(members) == set(resource.identifiers), operation
    if resource.create:
        answered = MODEL.operation_model(resource.create).output_shape.members
        assert set(resource.answered or resource.identifiers) <= set(answered)
    items = MODEL.operation_model(resource.list).output_shape.members.values()
    assert any(shape.type_name == "list" for shape in items)


@each_resource
def test_status_reason_and_message_are_members_of_the_description(resource: Resource) -> None:
    members = MODEL.operation_model(resource.describe).output_shape.members
    status = members.get(resource.status)
    assert (status.name if status else None) == resource.enum
    assert {resource.reason, resource.message} - {None} <= set(members)


@each_resource
def test_the_arn_is_made_of_the_identifiers(resource: Resource) -> None:
    assert set(re.findall(r"{(\w+)}", resource.arn)) <= set(resource.identifiers)


def test_cache_behaviors() -> None:
    assert set(MODEL.shape_for("CacheBehavior").enum) == set(CACHE_BEHAVIORS)


@pytest.mark.locked
def test_versions_speak_of_operations_and_members_that_exist() -> None:
    for operation, since in SINCE.items():
        assert set(since.members) <= set(MODEL.operation_model(operation).input_shape.members), operation


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def test_what_the_installed_model_lacks_is_younger_than_it() -> None:
    """The other half of the test above: on an older botocore, what is missing must be what SINCE says came later."""
    installed = version(botocore.__version__)
    for operation, since in SINCE.items():
        present = operation in MODEL.operation_names
        assert present is (version(since.operation) <= installed), operation
        for member, needed in since.members.items():
            if member in MODEL.operation_model(operation).input_shape.members:
                continue
            assert version(needed) > installed, (operation, member)
