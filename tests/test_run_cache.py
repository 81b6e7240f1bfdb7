"""The run-cache operators against the emulator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.operators import ensure
from airflow_provider_omics.operators.run_cache import (
    CreateRunCacheOperator,
    GetRunCacheOperator,
    UpdateRunCacheOperator,
)
from tests.conftest import ContextMaker, Logged

pytestmark = pytest.mark.matrix

KEYS = {"id", "arn", "status", "tags", "name", "cache_s3_uri", "cache_behavior", "created"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, omics_clock: Any, omics_connection: str) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    monkeypatch.setattr(ensure, "sleep", omics_clock.advance)


def make(bucket: str = "omics-test-bucket", **arguments: Any) -> CreateRunCacheOperator:
    arguments = {"task_id": "cache", "cache_s3_location": f"s3://{bucket}/cache"} | arguments
    return CreateRunCacheOperator(**arguments)


def test_creates_once_and_finds_it_again(
    context: ContextMaker, omics_bucket: str, omics_faults: Any, omics_clock: Any
) -> None:
    first = make().execute(context(task_id="cache"))
    assert set(first) == KEYS
    assert json.loads(json.dumps(first)) == first
    assert (first["name"], first["status"], first["created"]) == ("genomes.cache", "ACTIVE", True)
    assert first["arn"].endswith(f":runCache/{first['id']}")
    assert first["cache_s3_uri"].startswith("s3://omics-test-bucket/cache/")
    omics_clock.advance(60)
    before = dict(omics_faults.calls)
    again = make().execute(context(task_id="cache", run_id="scheduled__2026-01-02"))
    assert (again["id"], again["created"]) == (first["id"], False)
    spent = {name: count - before.get(name, 0) for name, count in omics_faults.calls.items()}
    assert {name: count for name, count in spent.items() if count} == {"ListRunCaches": 1}


def test_every_member_reaches_the_service(context: ContextMaker, omics_bucket: str, omics: Any) -> None:
    cache = make(
        name="mine",
        cache_behavior="CACHE_ALWAYS",
        description="for the cohort",
        tags={"team": "genomics"},
        cache_bucket_owner_id="123456789012",
        request_id="my-token",
    ).execute(context())
    described = omics.get_run_cache(id=cache["id"])
    assert described["description"] == "for the cohort"
    assert (described["cacheBehavior"], described["tags"]) == ("CACHE_ALWAYS", {"team": "genomics"})
    assert (cache["cache_behavior"], cache["tags"]) == ("CACHE_ALWAYS", {"team": "genomics"})


def test_cache_always_is_warned_about(context: ContextMaker, omics_bucket: str, logged: Logged) -> None:
    make(cache_behavior="CACHE_ALWAYS").execute(context())
    assert "AWS advises against it in production" in logged()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no S3 URI": ({"cache_s3_location": "/local"}, "cache_s3_location: '/local' must be an S3 URI"),
    "no location": ({"cache_s3_location": ""}, "cache_s3_location: CreateRunCache needs a value"),
    "unknown behaviour": ({"cache_behavior": "ALWAYS"}, "cache_behavior: must be one of CACHE_"),
    "owner id": ({"cache_bucket_owner_id": "12345"}, "cache_bucket_owner_id: '12345' has 5 characters; 12 to 12"),
    "owner id letters": ({"cache_bucket_owner_id": "12345678901x"}, "must be digits only"),
    "long name": ({"name": "n" * 129}, "name: .* has 129 characters; 1 to 128"),
    "control character": ({"name": "a\x07b"}, "name: .* not contain control characters"),
    "too many tags": ({"tags": {str(n): "" for n in range(51)}}, "tags: at most 50"),
    "reserved tag": ({"tags": {"aws:x": "1"}}, "tags: the key 'aws:x' begins with 'aws:'"),
    "tag value": ({"tags": {"a": 1}}, r"tags\['a'\]: must be a string"),
    "if_exists": ({"if_exists": "replace"}, "if_exists: must be one of reuse"),
    "drift": ({"drift": "ignore"}, "drift: must be one of warn"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_any_call(
    case: str, context: ContextMaker, omics_bucket: str, omics_faults: Any
) -> None:
    arguments, message = BAD[case]
    with pytest.raises(errors.OmicsInputError, match=message):
        make(**arguments).execute(context())
    assert not omics_faults.calls


def test_an_unknown_member_names_the_version(context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsVersionError, match="does not know the member 'cacheColour' of CreateRunCache"):
        make(extra_request={"cacheColour": "blue"}).execute(context())


def test_unnamed_failed_and_deleted_caches_are_passed_over(
    context: ContextMaker, omics_bucket: str, omics: Any, omics_emulator: Any
) -> None:
    location = f"s3://{omics_bucket}/cache"
    omics.create_run_cache(cacheS3Location=location)
    failed = omics.create_run_cache(cacheS3Location=location, name="genomes.task")["id"]
    omics_emulator.store.set_run_cache_status("123456789012", "us-east-1", failed, "FAILED")
    deleted = omics.create_run_cache(cacheS3Location=location, name="genomes.task")["id"]
    omics.delete_run_cache(id=deleted)
    cache = make().execute(context())
    assert cache["created"]
    assert cache["id"] not in (failed, deleted)


def test_looks_at_every_page(context: ContextMaker, omics_bucket: str, omics: Any) -> None:
    location = f"s3://{omics_bucket}/cache"
    for number in range(150):
        omics.create_run_cache(cacheS3Location=location, name=f"other {number}")
    wanted = omics.create_run_cache(cacheS3Location=location, name="genomes.task")["id"]
    assert make().execute(context())["id"] == wanted


def test_takes_the_oldest(context: ContextMaker, omics_bucket: str, omics: Any, omics_clock: Any) -> None:
    ids = []
    for _ in range(3):
        ids.append(omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache/", name="genomes.task")["id"])
        omics_clock.advance(5)
    assert make().execute(context())["id"] == ids[0]


def test_a_name_that_exists_only_elsewhere_is_an_error(context: ContextMaker, omics_bucket: str, omics: Any) -> None:
    other = omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/other", name="genomes.task")["id"]
    with pytest.raises(errors.RunCacheElsewhere, match=f"{other} at s3://{omics_bucket}/other/"):
        make().execute(context())


def test_an_owner_is_compared_when_one_is_given(
    context: ContextMaker, omics_bucket: str, omics: Any, omics_faults: Any
) -> None:
    made = make(cache_bucket_owner_id="123456789012").execute(context())
    assert make(cache_bucket_owner_id="123456789012").execute(context())["id"] == made["id"]
    with pytest.raises(errors.RunCacheElsewhere, match="bucket of account 999999999999"):
        make(cache_bucket_owner_id="999999999999").execute(context())


def test_drift(context: ContextMaker, omics_bucket: str, omics: Any, logged: Logged) -> None:
    made = make(cache_behavior="CACHE_ALWAYS").execute(context())
    assert make().execute(context())["cache_behavior"] == "CACHE_ALWAYS"
    assert "has the default behaviour CACHE_ALWAYS, not CACHE_ON_FAILURE" in logged()
    with pytest.raises(errors.RunCacheDrift, match='if_exists="update"'):
        make(drift="error").execute(context())
    updated = make(if_exists="update", description="new", tags={"a": "b"}).execute(context())
    assert (updated["id"], updated["cache_behavior"], updated["tags"]) == (made["id"], "CACHE_ON_FAILURE", {"a": "b"})
    assert omics.get_run_cache(id=made["id"])["description"] == "new"


def test_fail_if_it_exists(context: ContextMaker, omics_bucket: str) -> None:
    made = make(if_exists="fail").execute(context())
    with pytest.raises(errors.RunCacheExists, match=made["id"]):
        make(if_exists="fail").execute(context())


@pytest.mark.parametrize("name", [None, "the author's"])
def test_create_makes_one_for_every_dag_run_and_a_retry_finds_it(
    name: str | None, context: ContextMaker, omics_bucket: str, omics_faults: Any
) -> None:
    omics_faults.idempotency = "off"
    runs = [make(if_exists="create", name=name).execute(context(run_id=run)) for run in ("one", "two")]
    assert runs[0]["id"] != runs[1]["id"]
    for run, made in zip(("one", "two"), runs, strict=True):
        again = make(if_exists="create", name=name).execute(context(run_id=run, try_number=2))
        assert (again["id"], again["created"]) == (made["id"], False)
        assert run not in made["name"].split(".")


def test_an_old_token_that_answers_with_a_deleted_cache_is_changed_once(
    context: ContextMaker, omics_bucket: str, omics: Any
) -> None:
    first = make().execute(context())
    omics.delete_run_cache(id=first["id"])
    second = make().execute(context())
    assert second["id"] != first["id"]
    assert second["created"]


@pytest.mark.parametrize("reply", ["validation", "conflict"])
def test_an_old_token_that_answers_with_an_error_is_changed_once(
    reply: Any, context: ContextMaker, omics_bucket: str, omics: Any, omics_faults: Any
) -> None:
    first = make().execute(context())
    omics.delete_run_cache(id=first["id"])
    omics_faults.token_after_delete = reply
    assert make().execute(context())["id"] != first["id"]


def test_a_cache_that_comes_back_failed_is_an_error(
    context: ContextMaker, omics_bucket: str, omics_emulator: Any, omics_faults: Any
) -> None:
    first = make(request_id="my-token").execute(context())
    omics_emulator.store.set_run_cache_status("123456789012", "us-east-1", first["id"], "FAILED")
    with pytest.raises(errors.RunCacheFailed, match=f"run cache {first['id']}, whose status is FAILED") as caught:
        make(request_id="my-token").execute(context())
    assert caught.value.cache_id == first["id"]
    assert omics_faults.calls["CreateRunCache"] == 2  # the author's own token is not replaced


def test_a_lost_answer_makes_no_second_cache(
    context: ContextMaker, omics_bucket: str, omics: Any, omics_faults: Any
) -> None:
    omics_faults.idempotency = "off"
    omics_faults.lose_answer("CreateRunCache")
    made = make().execute(context())
    assert [cache["id"] for cache in omics.list_run_caches()["items"]] == [made["id"]]


def test_a_throttled_create_is_sent_again(
    context: ContextMaker, omics_bucket: str, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_omics.hooks import omics as hook

    pauses: list[float] = []
    monkeypatch.setattr(hook, "sleep", pauses.append)
    omics_faults.fail("CreateRunCache", "ThrottlingException", times=3)
    assert make().execute(context())["created"]
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", errors.AccessDenied),
        ("ServiceQuotaExceededException", errors.QuotaExceeded),
        ("ResourceNotFoundException", errors.NotFound),
        ("ValidationException", errors.ValidationFailed),
    ],
)
def test_what_aws_refuses_names_the_next_step(
    code: str, error: type[errors.OmicsServiceError], context: ContextMaker, omics_bucket: str, omics_faults: Any
) -> None:
    omics_faults.fail("CreateRunCache", code, times=2, message="because")
    with pytest.raises(error, match=rf"refused CreateRunCache \({code}, HTTP 4\d\d\): because Next: ") as caught:
        make().execute(context())
    assert (caught.value.code, caught.value.aws_message) == (code, "because")


def test_a_missing_bucket_is_told_by_aws(context: ContextMaker, omics_bucket: str) -> None:
    with pytest.raises(errors.ValidationFailed, match="no-such-bucket"):
        make(bucket="no-such-bucket").execute(context())


def test_mapped_instances_over_locations_do_not_collide(context: ContextMaker, omics_bucket: str) -> None:
    made = [
        make(cache_s3_location=f"s3://{omics_bucket}/{place}").execute(context(map_index=index))
        for index, place in enumerate("ab")
    ]
    assert made[0]["id"] != made[1]["id"]
    swapped = make(cache_s3_location=f"s3://{omics_bucket}/b").execute(context(map_index=0))
    assert swapped["id"] == made[1]["id"]


def test_get_and_update(context: ContextMaker, omics_bucket: str) -> None:
    made = make().execute(context())
    updated = UpdateRunCacheOperator(task_id="u", cache_id=made["id"], name="new", cache_behavior="CACHE_ALWAYS")
    assert updated.execute(context())["name"] == "new"
    got = GetRunCacheOperator(task_id="g", cache_id=made["id"]).execute(context())
    assert (got["name"], got["cache_behavior"], got["cache_s3_uri"]) == ("new", "CACHE_ALWAYS", made["cache_s3_uri"])
    assert json.loads(json.dumps(got))["creation_time"].startswith("20")
    with pytest.raises(errors.OmicsInputError, match="at least one of them"):
        UpdateRunCacheOperator(task_id="u", cache_id=made["id"]).execute(context())
    with pytest.raises(errors.NotFound, match="check the id"):
        GetRunCacheOperator(task_id="g", cache_id="1").execute(context())
