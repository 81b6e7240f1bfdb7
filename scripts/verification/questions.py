"""Questions that cost nothing: request tokens, names, deletions and lists of run caches and run groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from airflow_provider_omics.resources import RUN_CACHE, RUN_GROUP, Resource
from verification.account import Account


def repeated(account: Account, operation: str, request: dict[str, Any], first: dict[str, Any]) -> Any:
    """Send a request whose token was used; return the word for its answer, or the answer where it is the first one."""
    again = account.answer(operation, **request)
    if isinstance(again, str):
        return again
    return again if again["id"] == first["id"] else "off"


def _replay(answer: Any) -> str:
    return answer if isinstance(answer, str) else "replay"


def idempotency(account: Account) -> str:
    """Send a request twice."""
    request = account.cache("token")
    first = account.call("CreateRunCache", **request)
    return _replay(repeated(account, "CreateRunCache", request, first))


def token_mismatch(account: Account) -> str:
    """Send another request with a token that was used."""
    request = account.cache("mismatch")
    first = account.call("CreateRunCache", **request)
    return _replay(repeated(account, "CreateRunCache", {**request, "description": "another request"}, first))


def token_after_delete(account: Account) -> str:
    """Send a request again after what it made was deleted."""
    request = account.cache("token-of-deleted")
    first = account.call("CreateRunCache", **request)
    account.call("DeleteRunCache", id=first["id"])
    account.until(lambda: _status(account, first["id"]) != "ACTIVE", "the end of a deleted cache")
    again = repeated(account, "CreateRunCache", request, first)
    if isinstance(again, str):
        return again
    return "replay" if again["status"] == "DELETED" else "stale"


def duplicate_cache_name(account: Account) -> str:
    """Make two caches of one name."""
    account.call("CreateRunCache", **account.cache("twin"))
    again = account.answer("CreateRunCache", **account.cache("twin"))
    return again if isinstance(again, str) else "accepted"


def missing_bucket(account: Account) -> str:
    """Make a cache in a bucket that does not exist."""
    request = account.cache("nowhere", cacheS3Location=f"s3://{account.name}-missing/cache")
    answer = account.answer("CreateRunCache", **request)
    return answer if isinstance(answer, str) else "accepted"


def deleted_cache(account: Account) -> str:
    """Look for a cache that was deleted."""
    cache_id = _create(account, account.cache("deleted"))["id"]
    account.call("DeleteRunCache", id=cache_id)
    account.until(lambda: _status(account, cache_id) != "ACTIVE", "the end of a deleted cache")
    if _status(account, cache_id) == "not_found":
        return "gone"
    account.until(lambda: "ACTIVE" not in _listed_as(account, cache_id), "a deleted cache in ListRunCaches")
    return "listed" if _listed_as(account, cache_id) else "described"


def delete_again(account: Account) -> str:
    """Delete a cache twice."""
    cache_id = _create(account, account.cache("deleted-twice"))["id"]
    account.call("DeleteRunCache", id=cache_id)
    account.until(lambda: _status(account, cache_id) != "ACTIVE", "the end of a deleted cache")
    answer = account.answer("DeleteRunCache", id=cache_id)
    return answer if isinstance(answer, str) else "accepted"


def group_name_match(account: Account) -> str:
    """Filter ListRunGroups by names that are alike."""
    name = f"{account.name}-Group"
    group_id = account.call("CreateRunGroup", name=name)["id"]
    return name_match(account, RUN_GROUP, group_id, name)


def name_match(account: Account, resource: Resource, key: str, name: str) -> str:
    """Return how a list compares names.

    :param key: the id of a resource that bears the name.
    :raises Unanswered: if the name itself does not find it.
    """

    def found(asked: str) -> bool:
        return any(item["id"] == key for item in account.listed(resource, name=asked))

    account.until(lambda: found(name), f"{resource.title} {key} in {resource.list} with its name")
    return next(
        match
        for match, asked in (
            ("contains", name[3:-1]),
            ("prefix", name[:-1]),
            ("ignoring_case", name.upper()),
            ("equal", name),
        )
        if found(asked)
    )


def list_lag(account: Account) -> float:
    """Return the longest time in seconds that a list took to show a new, a renamed and a deleted cache."""
    request = account.cache("listed")
    cache_id = _create(account, request)["id"]
    renamed = f"{request['name']}-renamed"

    def lag(shown: Callable[[], bool], what: str) -> float:
        began = account.monotonic()
        asked = [began]

        def look() -> bool:
            asked.append(account.monotonic())
            return shown()

        account.until(look, what)
        return round(asked[-1] - began, 1)

    lags = [lag(lambda: bool(_listed_as(account, cache_id)), "a new cache in ListRunCaches")]
    account.call("UpdateRunCache", id=cache_id, name=renamed)
    lags.append(lag(lambda: renamed in _listed(account, cache_id, "name"), "a cache's new name in ListRunCaches"))
    account.call("DeleteRunCache", id=cache_id)
    lags.append(lag(lambda: "ACTIVE" not in _listed_as(account, cache_id), "a deleted cache in ListRunCaches"))
    return max(lags)


def time_resolution(account: Account) -> float:
    """Return to what the creation times of several caches are rounded, in seconds."""
    made = [_create(account, account.cache("timed")) for _ in range(5)]
    times = [account.call("GetRunCache", id=each["id"])["creationTime"].microsecond for each in made]
    return next(unit / 1e6 for unit in (1_000_000, 1000, 1) if all(time % unit == 0 for time in times))


def _create(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = account.call("CreateRunCache", **request)
    return made


def _status(account: Account, cache_id: str) -> str:
    answer = account.answer("GetRunCache", id=cache_id)
    return answer if isinstance(answer, str) else str(answer["status"])


def _listed(account: Account, cache_id: str, member: str) -> list[str]:
    return [item[member] for item in account.listed(RUN_CACHE) if item["id"] == cache_id]


def _listed_as(account: Account, cache_id: str) -> Iterable[str]:
    return _listed(account, cache_id, "status")


QUESTIONS: dict[str, Callable[[Account], Any]] = {
    question.__name__: question
    for question in (
        idempotency,
        token_mismatch,
        token_after_delete,
        duplicate_cache_name,
        missing_bucket,
        deleted_cache,
        delete_again,
        group_name_match,
        list_lag,
        time_resolution,
    )
}
"""The questions by their settings."""
