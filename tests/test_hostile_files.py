"""Whatever S3, CloudWatch Logs, STS and a task's log say: no credential reaches Airflow, and no forged line its log."""

from __future__ import annotations

import inspect
import io
import json
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.connection import CONNECTION
from airflow_provider_omics.exceptions.preflight import Finding
from airflow_provider_omics.hooks import errors as hook_errors
from airflow_provider_omics.hooks import outputs, run_settings, s3
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators.run_cache import DeleteRunCacheOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator
from airflow_provider_omics.operators.workflow import CreateWorkflowOperator
from tests.conftest import ContextMaker, Logged
from tests.fixed_answers import Server
from tests.hostile import FORGED, HOSTILE, check_error, check_shown, check_xcom

pytestmark = pytest.mark.usefixtures("quick_waits")

# --- answers of S3, CloudWatch Logs, STS, and whatever answers in their place


@pytest.fixture
def answering(omics_connection: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return what lets one service alone answer something fixed."""
    servers: list[Server] = []

    def answer(service: str, status: str, body: bytes, headers: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        servers.append(Server(head.encode() + body))
        connection = json.loads(os.environ[CONNECTION])
        connection["extra"]["service_config"] = {service: {"endpoint_url": servers[-1].url}}
        connection["extra"]["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
        monkeypatch.setenv(CONNECTION, json.dumps(connection))

    yield answer
    for server in servers:
        server.close()


def xml(text: str) -> str:
    for character in "\x00\x1b\x9b":  # which XML cannot hold
        text = text.replace(character, "")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#13;")


S3_ERROR = f"<Error><Code>Denied{xml(HOSTILE)}</Code><Message>{xml(HOSTILE)}</Message></Error>".encode()


def test_s3(answering: Any, logged: Logged, context: ContextMaker, omics: Any, omics_bucket: str) -> None:
    answering("s3", "403 Forbidden", S3_ERROR, "Content-Type: application/xml\r\n")
    uri = f"s3://{omics_bucket}/x"
    reading: list[Callable[[], Any]] = [
        lambda: ReadSamplesheetOperator(task_id="sheet", samplesheet=uri).execute(context()),
        lambda: run_settings.read(OmicsHook(), uri, {}),
        lambda: run_settings.write(OmicsHook(), uri, [], {}),
        lambda: CreateWorkflowOperator(task_id="w", definition=uri).execute(context()),
    ]
    for read in reading:
        with pytest.raises(errors.OmicsError) as caught:
            read()
        check_error(caught.value)
    assert outputs.of_run(OmicsHook(), uri) is None
    check_shown(logged())


def test_s3_at_a_deletion(
    answering: Any, logged: Logged, context: ContextMaker, omics: Any, omics_bucket: str, cache_id: str
) -> None:
    answering("s3", "403 Forbidden", S3_ERROR, "Content-Type: application/xml\r\n")
    with pytest.raises(errors.OmicsError, match="cannot be deleted") as caught:
        DeleteRunCacheOperator(task_id="d", cache_id=cache_id, delete_cached_data=True).execute(context())
    check_error(caught.value)
    check_shown(logged())


def test_sts(answering: Any, logged: Logged) -> None:
    body = f"<ErrorResponse><Error><Code>x</Code><Message>{xml(HOSTILE)}</Message></Error></ErrorResponse>".encode()
    answering("sts", "403 Forbidden", body, "Content-Type: text/xml\r\n")
    OmicsHook().log_identity()
    text = logged()
    assert "does not tell" in text
    check_shown(text)


def test_a_password_in_the_address_of_an_endpoint(
    omics_connection: str, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    connection = json.loads(os.environ[CONNECTION])
    address = connection["extra"]["endpoint_url"]
    connection["extra"]["endpoint_url"] = address.replace("http://", "http://jane:5ec2e701@")
    monkeypatch.setenv(CONNECTION, json.dumps(connection))
    OmicsHook().log_identity()
    text = logged()
    assert "endpoint http://[redacted]@127.0.0.1" in text
    check_shown(text)


def test_a_proxy_in_the_place_of_healthomics(answering: Any) -> None:
    answering("omics", f"502 Bad{HOSTILE}".replace("\n", "").replace("\r", ""), HOSTILE.encode())
    with pytest.raises(errors.OmicsError) as caught:
        OmicsHook().call("GetRun", id="1")
    check_error(caught.value)


def test_outputs_of_a_run(
    omics_bucket: str, omics_connection: str, logged: Logged, context: ContextMaker, start: Any
) -> None:
    body = json.dumps({"vcf": HOSTILE, HOSTILE: [{"deep": {HOSTILE: HOSTILE}}], "AWS_SESSION_TOKEN": "5ec2e701"})
    client = s3.client(OmicsHook())
    operator = start(wait_for_completion=False)
    run = operator.execute(context())
    description = OmicsHook().conn.get_run(id=run["id"]) | {"status": "COMPLETED"}
    bucket, key = s3.split(run["run_output_uri"])
    client.put_object(Bucket=bucket, Key=f"{key}/logs/outputs.json", Body=body.encode())
    check_xcom(operator.result_of(operator.outcome(context(), description)))
    check_shown(logged())


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"[" + b"1," * 40_000 + b"1]", "too large"), (b"[NaN]", "became null"), (b"{", "cannot be read")],
)
def test_the_address_of_outputs(
    body: bytes, said: str, omics_connection: str, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is AWS's, and whoever starts a run chooses it."""
    answer = {"Body": io.BytesIO(body)}
    client = s3.client(OmicsHook())
    monkeypatch.setattr(client, "get_object", lambda **_: answer)
    monkeypatch.setattr(s3, "client", lambda _: client)
    outputs.of_run(OmicsHook(), f"s3://outputs/{HOSTILE}")
    text = logged()
    assert said in text
    check_shown(text)


# --- errors and the log of a run

ARGUMENTS: dict[str, Any] = {
    "message": HOSTILE.replace("\n", " "),  # of which each caller makes its own lines
    "identifiers": {"id": "1"},
    **dict.fromkeys(
        ("title", "which", "limit", "operation", "what", "installed", "needed", "request_id", "advice"), "ours"
    ),
    "findings": [Finding("parameters", HOSTILE)],
    "problems": ["line 2: column 3 is empty"],
    "lines": [HOSTILE],
    "failed": [{"run_setting_id": HOSTILE}],
    "counts": {"failed": 1},
    "status": "FAILED",
    "waited": 3.0,
    "refusal": str(errors.Throttled("StartRun", HOSTILE, HOSTILE)),
    **dict.fromkeys(("cancelled", "stopping"), False),
}


def argument(kind: type[Exception], name: str) -> Any:
    """Return a hostile text where an error takes one of AWS or of a file."""
    if name.endswith(("_id", "_ids", "_name", "_names")):
        return "1234567"
    if name == "problem" and kind is errors.WaitTimeout:
        return None
    return ARGUMENTS.get(name, HOSTILE)


def test_every_error_of_this_package_can_be_shown() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.OmicsError)]
    assert len(kinds) > 40
    for kind in kinds:
        parameters = inspect.signature(kind).parameters.values()
        check_error(kind(**{each.name: argument(kind, each.name) for each in parameters}))


def test_a_log_cannot_imitate_airflow(start: Any, omics_emulator: Any, context: ContextMaker, logged: Logged) -> None:
    plans = omics_emulator.store.plans
    *others, last = plans.plan_for("*").tasks
    log = ("first", f"second\r\n{FORGED}\n", "\x1b[31mred\x1b[0m\ttab")
    plans.set("*", replace(plans.plan_for("*"), tasks=(*others, replace(last, fail_first=1, log=log))))
    with pytest.raises(errors.RunFailed):
        start(log_lines=4).execute(context())
    text = logged()
    shown = ("second", FORGED, r"\x1b[31mred\x1b[0m" + "\ttab", "The task's command ended with exit code 1.")
    assert "".join(f"\n| {line}" for line in shown) in text
    assert "first" not in text, "four lines were asked for"


def test_what_led_to_an_error_is_cleaned_too_and_our_own_lines_stay() -> None:
    ours = errors.OmicsError("one\ntwo")
    first, second = OSError(5, HOSTILE), ValueError(HOSTILE, 7)
    second.__cause__, second.__context__ = first, ours
    first.__context__ = second  # a circle, as careless code makes one
    hook_errors.cleaned(second)
    check_shown("".join(traceback.format_exception_only(second)))
    check_shown(str(second.args) + str(first.args))
    assert str(ours) == "one\ntwo"
