"""The links from a task to the AWS console: their addresses, and when a task has them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from airflow_provider_omics.links import omics as links
from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import (
    CreateRunCacheOperator,
    GetRunCacheOperator,
    UpdateRunCacheOperator,
)
from airflow_provider_omics.provider_info import get_provider_info
from tests.conftest import ContextMaker

pytestmark = pytest.mark.matrix

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG  # type: ignore[no-redef,unused-ignore]
try:
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:  # before 3.2
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization  # type: ignore[attr-defined,assignment,unused-ignore]

CONSOLE = "https://console.aws.amazon.com"
STREAM = "#logsV2:log-groups/log-group/$252Faws$252Fomics$252FWorkflowLog/log-events/"
ALL = (*links.RUN_LINKS, *links.RUN_CACHE_LINKS)


def test_the_addresses() -> None:
    assert links.RunLink.url("eu-west-1", "3456789") == (
        "https://eu-west-1.console.aws.amazon.com/omics/home?region=eu-west-1#/runs/3456789"
    )
    logs = f"{CONSOLE}/cloudwatch/home?region=eu-west-1{STREAM}"
    assert links.RunLogLink.url("eu-west-1", "3456789") == f"{logs}run$252F3456789"
    assert links.EngineLogLink.url("eu-west-1", "3456789") == f"{logs}run$252F3456789$252Fengine"
    assert links.RunCacheDataLink.url("eu-west-1", "s3://genomes/a cache/0f/") == (
        f"{CONSOLE}/s3/buckets/genomes?region=eu-west-1&prefix=a%20cache/0f/"
    )


@pytest.mark.parametrize("link", ALL, ids=lambda link: type(link).__name__)
@pytest.mark.parametrize(
    ("partition", "region", "domain"),
    [
        ("aws", "us-east-1", "console.aws.amazon.com/"),
        ("aws-cn", "cn-north-1", "console.amazonaws.cn/"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com/"),
        ("aws-iso", "us-iso-east-1", ""),
    ],
)
def test_each_partition_has_a_console_of_its_own_or_no_link(
    link: Any, partition: str, region: str, domain: str
) -> None:
    url = link.url(region, "s3://genomes/1", partition)
    assert domain in url
    assert bool(url) is bool(domain)


@pytest.mark.parametrize("link", ALL, ids=lambda link: type(link).__name__)
def test_airflow_3_reads_a_link_where_the_task_pushes_it(link: Any) -> None:
    assert link.key == getattr(link, "xcom_key", f"_link_{type(link).__name__}")


def test_every_link_is_registered() -> None:
    listed: Any = get_provider_info()["extra-links"]
    assert sorted(listed) == sorted(f"{links.__name__}.{type(link).__name__}" for link in ALL)


def test_a_run_has_three_links_and_one_if_it_does_not_log(context: ContextMaker) -> None:
    ti = context()["ti"]
    links.persist_run_links(ti, "us-east-1", "3456789")
    assert ti.pushed == {link.key: link.url("us-east-1", "3456789") for link in links.RUN_LINKS}
    silent = context()["ti"]
    links.persist_run_links(silent, "us-east-1", "3456789", logs=False)
    assert silent.pushed.keys() == {links.RunLink.key}


def test_a_run_cache_has_a_link_to_its_data(omics_connection: str, omics_bucket: str, context: ContextMaker) -> None:
    made = context(task_id="cache")
    result = CreateRunCacheOperator(task_id="cache", cache_s3_location=f"s3://{omics_bucket}/cache").execute(made)
    url = links.RunCacheDataLink.url("us-east-1", result["cache_s3_uri"])
    assert f"/s3/buckets/{omics_bucket}?" in url
    expected = {links.RunCacheDataLink.key: url}
    assert made["ti"].pushed == expected
    for operator in (
        GetRunCacheOperator(task_id="get", cache_id=result["id"]),
        UpdateRunCacheOperator(task_id="update", cache_id=result["id"], name="renamed"),
    ):
        looked = context()
        operator.execute(looked)
        assert looked["ti"].pushed == expected
        assert operator.operator_extra_links == links.RUN_CACHE_LINKS


def test_a_task_that_pushes_nothing_pushes_no_link(
    omics_connection: str, omics_bucket: str, context: ContextMaker
) -> None:
    made = context()
    location = f"s3://{omics_bucket}/cache"
    CreateRunCacheOperator(task_id="cache", cache_s3_location=location, do_xcom_push=False).execute(made)
    assert made["ti"].pushed == {}


def test_a_link_survives_airflows_serialization() -> None:
    with DAG("links", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        CreateRunCacheOperator(task_id="cache", cache_s3_location="s3://genomes/cache")
        StartRunOperator(task_id="run", workflow_id="1234567", role_arn="arn:aws:iam::1:role/r", output_uri="s3://b/o")
    again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    shown = {task.task_id: sorted(task.operator_extra_link_dict) for task in again.tasks}
    assert shown == {"cache": ["Cached data"], "run": ["Engine log", "HealthOmics run", "Run log"]}


def test_a_link_is_what_was_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    pushed = {links.RunLink.key: "https://console"}
    monkeypatch.setattr(links, "xcom_value", lambda ti_key, key: pushed.get(key))
    got = [link.get_link(None, ti_key=None) for link in ALL]  # type: ignore[arg-type]
    assert got == ["https://console", "", "", ""]
