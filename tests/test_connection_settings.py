"""What a connection and its deployment add: tags for everything that is created, and a name for the deployment."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from airflow_provider_omics.exceptions import OmicsConnectionError
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator
from airflow_provider_omics.operators.run_group import CreateRunGroupOperator
from tests.conftest import ContextMaker

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]


@pytest.fixture
def add_to_extra(omics_connection: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that adds entries to the connection's extra."""

    def add(**entries: Any) -> None:
        variable = f"AIRFLOW_CONN_{omics_connection.upper()}"
        connection = json.loads(os.environ[variable])
        connection["extra"] = {**connection["extra"], **entries}
        monkeypatch.setenv(variable, json.dumps(connection))

    return add


@pytest.fixture
def tagging(add_to_extra: Any) -> None:
    """Let the connection have tags."""
    add_to_extra(tags={"cost-center": "genomics", "team": "a"})


@pytest.mark.usefixtures("tagging")
def test_a_run_carries_them_and_the_author_s_own_win(start: Any, context: ContextMaker, omics: Any) -> None:
    run = start(tags={"team": "b"}, wait_for_completion=False).execute(context())
    assert {"cost-center": "genomics", "team": "b"}.items() <= omics.get_run(id=run["id"])["tags"].items()
    plain = start(airflow_tags=False, name="plain", wait_for_completion=False).execute(context())
    assert omics.get_run(id=plain["id"])["tags"] == {"cost-center": "genomics", "team": "a"}


@pytest.mark.usefixtures("tagging")
def test_a_cache_and_a_group_carry_them(context: ContextMaker, omics: Any, omics_bucket: str) -> None:
    cache = CreateRunCacheOperator(task_id="cache", cache_s3_location=f"s3://{omics_bucket}/cache").execute(context())
    assert omics.get_run_cache(id=cache["id"])["tags"] == {"cost-center": "genomics", "team": "a"}
    group = CreateRunGroupOperator(task_id="group", name="cohort", max_runs=2).execute(context())
    assert omics.get_run_group(id=group["id"])["tags"].items() >= {"cost-center": "genomics"}.items()


@pytest.mark.parametrize(
    ("extra", "environment", "expected"),
    [
        ({"deployment": "a"}, {"AIRFLOW__OMICS__DEPLOYMENT": "b", "AIRFLOW_ENV_NAME": "c"}, "a"),
        ({}, {"AIRFLOW__OMICS__DEPLOYMENT": "b", "AIRFLOW_ENV_NAME": "c"}, "b"),
        ({}, {"AIRFLOW_ENV_NAME": "c", "AIRFLOW__API__BASE_URL": "https://d"}, "c"),
        ({}, {"AIRFLOW__API__BASE_URL": "https://d", "AIRFLOW__WEBSERVER__BASE_URL": "https://d"}, "https://d"),
    ],
    ids=["connection", "setting", "mwaa", "address"],
)
def test_a_deployment_is_told_from_others(
    extra: dict[str, str],
    environment: dict[str, str],
    expected: str,
    add_to_extra: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_to_extra(**extra)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert OmicsHook().deployment == expected


@pytest.mark.parametrize("tags", ["genomics", {"cost-center": 7}, ["a"]])
def test_tags_of_a_connection_must_be_strings(tags: Any, add_to_extra: Any) -> None:
    add_to_extra(tags=tags)
    with pytest.raises(
        OmicsConnectionError, match="has an entry tags, which must be an object whose values are strings"
    ):
        assert OmicsHook().connection_tags
