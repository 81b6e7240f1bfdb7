"""Tags, given at creation and changed by ARN."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics.emulator import handle
from tests.emulator.wired import Service


def tags(service: Service, arn: str) -> Any:
    return service.client.list_tags_for_resource(resourceArn=arn)["tags"]


def test_tags_of_a_creation_are_the_resources_tags(service: Service) -> None:
    cache = service.cache(tags={"team": "exome"})
    run = service.start(tags={"sample": "NA12878"})
    assert tags(service, cache["arn"]) == {"team": "exome"}
    assert tags(service, run["arn"]) == {"sample": "NA12878"}


def test_tags_are_added_changed_and_removed(service: Service) -> None:
    arn = service.cache(tags={"team": "exome", "kept": ""})["arn"]
    service.client.tag_resource(resourceArn=arn, tags={"team": "genome", "cost centre": "42"})
    assert tags(service, arn) == {"team": "genome", "cost centre": "42", "kept": ""}
    service.client.untag_resource(resourceArn=arn, tagKeys=["team", "cost centre", "never there"])
    assert tags(service, arn) == {"kept": ""}
    cache_id = arn.rpartition("/")[2]
    assert service.client.get_run_cache(id=cache_id)["tags"] == {"kept": ""}


@pytest.mark.parametrize("given", [{"aws:team": "x"}, {"AWS:team": "x"}, {f"key {n}": "x" for n in range(51)}])
def test_reserved_keys_and_more_than_fifty_tags_are_refused(service: Service, given: dict[str, str]) -> None:
    with pytest.raises(service.client.exceptions.ValidationException):
        service.cache(tags=given)
    arn = service.cache()["arn"]
    with pytest.raises(service.client.exceptions.ValidationException):
        service.client.tag_resource(resourceArn=arn, tags=given)
    assert tags(service, arn) == {}


def test_fifty_is_the_limit_of_the_resource_not_of_the_request(service: Service) -> None:
    arn = service.cache(tags={f"key {n}": "x" for n in range(49)})["arn"]
    service.client.tag_resource(resourceArn=arn, tags={"one more": "x"})
    with pytest.raises(service.client.exceptions.ValidationException, match="these are 51"):
        service.client.tag_resource(resourceArn=arn, tags={"too many": "x"})


@pytest.mark.parametrize(
    "place", ["us-east-1:123456789012:runCache/7777777", "us-east-1:999999999999:runCache/2345678"]
)
def test_an_unknown_arn_is_not_found(service: Service, place: str) -> None:
    service.cache()
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match=place):
        tags(service, f"arn:aws:omics:{place}")


def test_a_deleted_resource_has_no_tags(service: Service) -> None:
    cache = service.cache()
    service.client.delete_run_cache(id=cache["id"])
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        tags(service, cache["arn"])


def test_an_arn_whose_slash_is_not_encoded_is_understood(service: Service) -> None:
    arn = service.cache(tags={"a": "b"})["arn"]
    response = handle(service.store, "GET", f"/tags/{arn}", "", {}, b"")
    assert json.loads(response.body) == {"tags": {"a": "b"}}
