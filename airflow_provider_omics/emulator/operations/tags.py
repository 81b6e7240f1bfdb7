"""Tags of resources: https://docs.aws.amazon.com/omics/latest/dev/tagging.html."""

from __future__ import annotations

from airflow_provider_omics.emulator.errors import ResourceNotFoundException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members


def tag_resource(call: Call) -> Members:
    """Add tags to a resource, or give them other values."""
    return _retag(call, check_tags({**_tags(call), **call.parameters["tags"]}))


def untag_resource(call: Call) -> Members:
    """Remove tags from a resource; a key that it does not have is no error."""
    gone = call.parameters["tagKeys"]
    return _retag(call, {key: value for key, value in _tags(call).items() if key not in gone})


def list_tags_for_resource(call: Call) -> Members:
    """Return the tags of a resource."""
    return {"tags": _tags(call)}


def _tags(call: Call) -> dict[str, str]:
    arn = call.parameters["resourceArn"]
    record = call.region.record(arn)
    if record is None:
        raise ResourceNotFoundException(
            f"Account {call.region.account} has no resource {arn} that can have tags in {call.region.name}."
        )
    tags: dict[str, str] = record.members.get("tags", {})
    return tags


def _retag(call: Call, tags: dict[str, str]) -> Members:
    table, key = call.region.tagged[call.parameters["resourceArn"]]
    table.change(key, tags=tags)
    return {}
