"""What AWS documents, and the emulator therefore does: the checks that hold both to it. None starts a run."""

from __future__ import annotations

import re
from collections.abc import Callable

from airflow_provider_omics.resources import RULES, RUN_CACHE
from verification.account import Account

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ABSENT = "1"
"""An id that no resource has: AWS's have seven digits."""


class Differs(Exception):
    """The service does not do what a check says; the message says what it does."""


def expect(found: object, expected: object, what: str) -> None:
    """Compare two values.

    :raises Differs: if they are not equal.
    """
    if found != expected:
        raise Differs(f"{what} is {found!r}, not {expected!r}")


def a_new_cache_is_active_and_has_an_id_of_digits(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/api/API_CreateRunCache.html."""
    made = account.call("CreateRunCache", **account.cache("new"))
    expect(sorted(set(made) - {"ResponseMetadata", "tags"}), ["arn", "id", "status"], "the members of the answer")
    expect(made["status"], "ACTIVE", "the status")
    expect(bool(re.fullmatch(r"\d{7,}", made["id"])), True, f"that the id {made['id']} has seven digits")
    expect(made["arn"].rpartition(":")[2], f"runCache/{made['id']}", "the end of the ARN")


def the_uri_of_a_cache_is_its_location_a_uuid_and_a_slash(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html."""
    request = account.cache("uri")
    found = account.call("GetRunCache", id=account.call("CreateRunCache", **request)["id"])
    pattern = f"{re.escape(request['cacheS3Location'])}/{UUID}/"
    expect(bool(re.fullmatch(pattern, found["cacheS3Uri"])), True, f"that {found['cacheS3Uri']} has this form")
    expect(found["cacheBehavior"], "CACHE_ON_FAILURE", "the behaviour that nobody asked for")


def an_update_changes_what_it_names(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/api/API_UpdateRunCache.html."""
    request = account.cache("before", description="kept")
    cache_id = account.call("CreateRunCache", **request)["id"]
    account.call("UpdateRunCache", id=cache_id, name=f"{account.name}-after", cacheBehavior="CACHE_ALWAYS")
    found = account.call("GetRunCache", id=cache_id)
    shown = [found.get(member) for member in ("name", "cacheBehavior", "description")]
    expect(shown, [f"{account.name}-after", "CACHE_ALWAYS", "kept"], "name, behaviour and description")


def tags_come_and_go(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/dev/tagging.html."""
    arn = account.call("CreateRunCache", **account.cache("tagged", tags={"a": "1"}))["arn"]
    account.call("TagResource", resourceArn=arn, tags={"b": "2"})
    account.call("UntagResource", resourceArn=arn, tagKeys=["a"])
    expect(account.call("ListTagsForResource", resourceArn=arn)["tags"], {"b": "2"}, "what is left")


def reserved_tags_are_refused(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/dev/tagging.html."""
    request = account.cache("reserved", tags={f"{RULES['tags.reserved_prefix'].limit}x": "1"})
    expect(account.answer("CreateRunCache", **request), "validation", "the answer")


def a_page_leads_to_the_next(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/api/API_ListRunCaches.html."""
    made = {account.call("CreateRunCache", **account.cache("paged"))["id"] for _ in range(2)}
    account.until(lambda: made <= {item["id"] for item in account.listed(RUN_CACHE)}, "two caches in ListRunCaches")
    page = account.call("ListRunCaches", maxResults=1)
    expect(len(page["items"]), 1, "the length of a page of one")
    following = account.call("ListRunCaches", maxResults=1, startingToken=page["nextToken"])
    expect(following["items"][0]["id"] != page["items"][0]["id"], True, "that the next page goes on")


def an_invented_page_token_is_refused(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/api/API_ListRunCaches.html."""
    expect(account.answer("ListRunCaches", startingToken="invented"), "validation", "the answer")


def what_breaks_the_model_is_refused(account: Account) -> None:
    """botocore checks neither patterns nor enums before it sends a request."""
    for change in ({"cacheS3Location": "nowhere"}, {"cacheBehavior": "CACHE_NEVER"}):
        answer = account.answer("CreateRunCache", **account.cache("broken", **change))
        expect(answer, "validation", f"the answer to {change}")
    expect(account.answer("GetRunCache", id="no digits"), "validation", "the answer to an id of letters")


def what_never_was_is_not_found(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/api/CommonErrors.html."""
    for operation in ("GetRunCache", "GetRunGroup", "GetRun", "GetWorkflow", "UpdateRunCache"):
        expect(account.answer(operation, id=ABSENT), "not_found", f"the answer to {operation}")


def a_run_group_keeps_its_limits(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/dev/creating-run-groups.html."""
    limits = {"maxCpus": 8, "maxRuns": 2, "maxDuration": 60}
    group_id = account.call("CreateRunGroup", name=f"{account.name}-limits", **limits)["id"]
    account.call("UpdateRunGroup", id=group_id, maxRuns=1)
    found = account.call("GetRunGroup", id=group_id)
    expect({name: found.get(name) for name in limits}, limits | {"maxRuns": 1}, "the limits")


def a_deleted_group_is_not_found(account: Account) -> None:
    """https://docs.aws.amazon.com/omics/latest/api/API_DeleteRunGroup.html."""
    group_id = account.call("CreateRunGroup", name=f"{account.name}-gone")["id"]
    account.call("DeleteRunGroup", id=group_id)
    account.until(lambda: account.answer("GetRunGroup", id=group_id) == "not_found", "the end of a deleted run group")


CHECKS: dict[str, Callable[[Account], None]] = {
    check.__name__.replace("_", " "): check
    for check in (
        a_new_cache_is_active_and_has_an_id_of_digits,
        the_uri_of_a_cache_is_its_location_a_uuid_and_a_slash,
        an_update_changes_what_it_names,
        tags_come_and_go,
        reserved_tags_are_refused,
        a_page_leads_to_the_next,
        an_invented_page_token_is_refused,
        what_breaks_the_model_is_refused,
        what_never_was_is_not_found,
        a_run_group_keeps_its_limits,
        a_deleted_group_is_not_found,
    )
}
"""The checks by what they say."""
