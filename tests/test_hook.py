"""OmicsHook: where it goes, whom it goes as, what it makes of answers."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from botocore.config import Config

from airflow_provider_omics.exceptions import (
    Conflict,
    NotFound,
    OmicsConnectionError,
    OmicsInputError,
    OmicsVersionError,
    OutcomeUnknown,
    QuotaExceeded,
    Throttled,
    WaitTimeout,
)
from airflow_provider_omics.hooks import endpoints, schema
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.resources import RUN, RUN_CACHE

URL = "http://127.0.0.1:5000"
DEFAULT = {"region_name": "us-east-1"}


def connect(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], **env: str) -> None:
    value = {"conn_type": "aws", "login": "AKIAEXAMPLE", "password": "secretsecret", "extra": {**DEFAULT, **extra}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(value))
    for name, each in env.items():
        monkeypatch.setenv(name, each)


def sent_to(hook: OmicsHook) -> str:
    """Return the host that a call really goes to, as botocore builds the request."""
    sent: list[str] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise ConnectionAbortedError

    hook.conn.meta.events.register("before-send.omics.GetRunCache", stop)
    with pytest.raises(ConnectionAbortedError):
        hook.conn.get_run_cache(id="1")
    return sent[0].removesuffix("/runCache/1")


OFF = {"inject_host_prefix": False}
ROWS: dict[str, tuple[dict[str, Any], dict[str, str], Any, str]] = {
    "endpoint_url in extra, alone": ({"endpoint_url": URL}, {}, None, URL),
    "endpoint_url and the prefix off": ({"endpoint_url": URL, "config_kwargs": OFF}, {}, None, URL),
    "service_config alone": ({"service_config": {"omics": {"endpoint_url": URL}}}, {}, None, URL),
    "service_config and its config_kwargs": (
        {"service_config": {"omics": {"endpoint_url": URL, "config_kwargs": OFF}}},
        {},
        None,
        URL,
    ),
    "botocore_config on the operator": (
        {"endpoint_url": URL, "config_kwargs": OFF},
        {},
        {"connect_timeout": 7},
        URL,
    ),
    "AWS_ENDPOINT_URL alone": ({}, {"AWS_ENDPOINT_URL": URL}, None, URL),
    "AWS_ENDPOINT_URL_OMICS alone": ({}, {"AWS_ENDPOINT_URL_OMICS": URL}, None, URL),
    "the environment and its switch": (
        {},
        {"AWS_ENDPOINT_URL": URL, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"},
        None,
        URL,
    ),
    "an explicit prefix in the connection wins": (
        {"endpoint_url": "http://localhost:5000", "config_kwargs": {"inject_host_prefix": True}},
        {},
        None,
        "http://workflows-localhost:5000",
    ),
    "a string counts as true, as in botocore": (
        {"endpoint_url": "http://localhost:5000", "config_kwargs": {"inject_host_prefix": "false"}},
        {},
        None,
        "http://workflows-localhost:5000",
    ),
    "an explicit prefix on the operator wins": (
        {"endpoint_url": "http://localhost:5000"},
        {},
        Config(inject_host_prefix=True),
        "http://workflows-localhost:5000",
    ),
    "the real service": ({}, {}, None, "https://workflows-omics.us-east-1.amazonaws.com"),
    "the real service by its address": (
        {"endpoint_url": "https://omics.us-east-1.amazonaws.com"},
        {},
        None,
        "https://workflows-omics.us-east-1.amazonaws.com",
    ),
    "a PrivateLink endpoint": (
        {"endpoint_url": "https://vpce-1-2.workflows-omics.us-east-1.vpce.amazonaws.com"},
        {},
        None,
        "https://vpce-1-2.workflows-omics.us-east-1.vpce.amazonaws.com",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_host_prefix(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extra, env, config, expected = ROWS[row]
    connect(monkeypatch, extra, **env)
    assert sent_to(OmicsHook(config=config)) == expected


def test_the_shared_config_file_counts_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "config"
    path.write_text(f"[default]\nservices = mine\n[services mine]\nomics =\n  endpoint_url = {URL}\n")
    connect(monkeypatch, {}, AWS_CONFIG_FILE=str(path))
    assert sent_to(OmicsHook()) == URL


def test_retries_are_standard_unless_the_connection_or_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def retries() -> Any:
        return OmicsHook().conn.meta.config.retries  # type: ignore[attr-defined]

    connect(monkeypatch, {})
    assert retries()["mode"] == "standard"
    connect(monkeypatch, {"config_kwargs": {"retries": {"mode": "adaptive", "total_max_attempts": 2}}})
    assert retries() == {"mode": "adaptive", "total_max_attempts": 2}
    connect(monkeypatch, {}, AWS_RETRY_MODE="adaptive")
    assert retries()["mode"] == "adaptive"


def test_creating_calls_are_sent_once_whatever_the_connection_says(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {"config_kwargs": {"retries": {"total_max_attempts": 9}, "read_timeout": 11}})
    config: Any = OmicsHook().conn_once.meta.config
    assert (config.retries["total_max_attempts"], config.read_timeout) == (1, 11)


def test_a_missing_connection_is_an_error_where_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert OmicsHook("nowhere").conn.meta.region_name == "us-east-1"
    monkeypatch.setenv("AIRFLOW__OMICS__REQUIRE_CONNECTION", "True")
    with pytest.raises(OmicsConnectionError, match="'nowhere' does not exist"):
        _ = OmicsHook("nowhere").conn
    assert OmicsHook(None).conn.meta.region_name == "us-east-1"


@pytest.mark.parametrize(("region", "problem"), [("", "No AWS Region is set"), ("eu-north-1", "'eu-north-1'")])
def test_a_region_without_healthomics_is_refused_with_the_list(
    region: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"region_name": region} if region else {})
    monkeypatch.setitem(DEFAULT, "region_name", region)
    value = json.loads(__import__("os").environ["AIRFLOW_CONN_AWS_DEFAULT"])
    if not region:
        del value["extra"]["region_name"]
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(value))
    with pytest.raises(OmicsConnectionError, match=problem) as caught:
        _ = OmicsHook().conn
    assert all(each in str(caught.value) for each in endpoints.available_regions())
