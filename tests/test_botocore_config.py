"""What an operator refuses in ``botocore_config``, since a trigger would carry it into Airflow's database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators.run_end import DeleteRunOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator
from airflow_provider_omics.sensors.run import RunSensor
from tests.conftest import ContextMaker
from tests.waits import deferral_of

pytestmark = [pytest.mark.usefixtures("omics_connection"), pytest.mark.matrix]

SECRET = "5ec2e7"
REFUSED: list[Any] = [
    {"proxies": {"https": f"http://jane:{SECRET}@proxy.example.org:3128"}},
    {"proxies": {"http": "http://proxy:3128", "https": f"jane:{SECRET}@proxy.example.org:3128"}},
    {"proxies": {"https": f"//jane:{SECRET}@proxy.example.org:3128"}},
    {"proxies": f"jane:{SECRET}@proxy"},
    {"user_agent_extra": f"Authorization: Bearer {SECRET}"},
    {"s3": {"x": [f"aws_secret_access_key={SECRET}"]}},
    {"aws_session_token": SECRET},
    Config(read_timeout=5),
    "read_timeout=5",
    [5],
]
ALLOWED = {
    "proxies": {"https": "http://proxy.example.org:3128"},
    "proxies_config": {"proxy_ca_bundle": "/certs/ca.pem", "proxy_client_cert": "/certs/client.pem"},
    "client_cert": ["/certs/client.pem", "/certs/client.key"],
    "retries": {"mode": "adaptive", "total_max_attempts": 3},
    "read_timeout": 5,
}


@pytest.mark.parametrize("config", REFUSED, ids=range(len(REFUSED)))
def test_a_credential_is_refused_before_any_call(
    config: Any, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    operators = [
        start(botocore_config=config),
        start(botocore_config=config, deferrable=True),
        RunSensor(task_id="s", run_id="1", botocore_config=config),
        RunSensor(task_id="t", run_id="1", botocore_config=config, deferrable=True),
        ReadSamplesheetOperator(task_id="r", samplesheet="s3://b/x.csv", botocore_config=config),
        DeleteRunOperator(task_id="d", run_id="1", botocore_config=config),
    ]
    for operator in operators:
        with pytest.raises(errors.OmicsInputError) as caught:
            operator.execute(context())
        assert caught.value.argument == "botocore_config"
        assert SECRET not in str(caught.value)
    assert not omics_faults.calls


def test_any_other_configuration_goes_to_client_and_trigger(
    start: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = start(botocore_config={"read_timeout": 5, "user_agent_extra": "lab"}, deferrable=True)
    deferred = deferral_of(operator, context())
    assert operator.hook.conn.meta.config.read_timeout == 5
    _, kwargs = deferred.trigger.serialize()
    assert kwargs["botocore_config"] == {"read_timeout": 5, "user_agent_extra": "lab"}
    operator = start(botocore_config=ALLOWED)
    assert operator.connection["botocore_config"] == ALLOWED


def test_a_proxy_of_the_connection_is_used_and_does_not_reach_the_trigger(
    start: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from airflow_provider_omics.emulator.connection import CONNECTION

    connection = json.loads(os.environ[CONNECTION])
    proxies = {
        "https": f"http://jane:{SECRET}@proxy.example.org:3128"
    }  # which the emulator's http:// does not go through
    connection["extra"]["config_kwargs"] = {"proxies": proxies}
    monkeypatch.setenv(CONNECTION, json.dumps(connection))
    deferred = deferral_of(start(deferrable=True), context())
    assert SECRET not in json.dumps(deferred.trigger.serialize())
    config: Any = OmicsHook().conn.meta.config
    assert config.proxies == proxies
