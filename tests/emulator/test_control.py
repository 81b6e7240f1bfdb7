"""The control address: every fault, plan and clock over JSON, and answers that help when the JSON is wrong."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_provider_omics.emulator import Clock, Store, control, handle
from airflow_provider_omics.emulator.assumptions import Assumptions
from airflow_provider_omics.emulator.faults import Faults
from airflow_provider_omics.emulator.simulated import Plan, Task


@pytest.fixture
def store() -> Store:
    return Store(clock=Clock(frozen=True))


def call(store: Store, method: str, address: str, fields: object = None) -> tuple[int, Any]:
    body = fields if isinstance(fields, bytes) else b"" if fields is None else json.dumps(fields).encode()
    status, headers, answer = control.answer(store, method, f"/_emulator{address}", body)
    assert headers == [("Content-Type", "application/json")]
    return status, json.loads(answer)


def list_run_caches(store: Store) -> int:
    return handle(store, "GET", "/runCache", "", {}, b"").status


def test_the_index_leads_to_everything(store: Store) -> None:
    status, index = call(store, "GET", "")
    assert status == 200
    assert index["now"] == store.clock.now().isoformat()
    for address in index["addresses"]:
        method, path = address.split()
        assert call(store, method, path.removeprefix("/_emulator"))[0] in (200, 400)


def test_calls_are_counted(store: Store) -> None:
    list_run_caches(store)
    assert call(store, "GET", "/calls") == (200, {"calls": {"ListRunCaches": 1}})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"throttle": {"rate": 1}}, [429, 429]),
        ({"fail": {"operation": "ListRunCaches", "code": "ConflictException", "on_call": 2}}, [200, 409]),
        (
            {"fail": [{"operation": "*", "code": f"{code}Exception", "on_call": n + 1}
                      for n, code in enumerate(["AccessDenied", "InternalServer"])]},
            [403, 500],
        ),
        ({"limit": {"operation": "ListRunCaches", "per_second": 0.1}}, [200, 429]),
        ({"limit": {"operation": "*", "per_second": 1, "burst": 2}}, [200, 200]),
        ({"deny": {"operation": "ListRunCaches"}}, [403, 403]),
        ({"deny": {"operation": "StartRun"}}, [200, 200]),
        ({"slow": {"operation": "*", "seconds": 0.0, "times": None}}, [200, 200]),
    ],
)  # fmt: skip
def test_faults(store: Store, fault: dict[str, Any], expected: list[int]) -> None:
    assert call(store, "POST", "/faults", fault) == (200, {"faults": sorted(fault)})
    assert [list_run_caches(store), list_run_caches(store)] == expected
    call(store, "POST", "/faults", {"clear": True})
    assert list_run_caches(store) == 200


def test_settings(store: Store) -> None:
    settings = {"idempotency": "conflict", "list_lag": 2, "time_resolution": 1.0, "run_name_match": "prefix"}
    assert call(store, "POST", "/faults", settings)[0] == 200
    assert {name: getattr(store.faults, name) for name in settings} == settings


def test_every_fault_of_python_is_there_over_http(store: Store) -> None:
    methods = {name for name in vars(Faults) if not name.startswith("_")} - {"meet", "meet_submission"}
    settings = set(Assumptions.__annotations__)
    assert set(call(store, "GET", "")[1]["faults"]) == methods | settings


def test_plans(store: Store) -> None:
    plan = {"workflow_id": "42", "pending": 1, "tasks": [{"name": "a"}, {"name": "b", "after": ["a"], "seconds": 5}]}
    assert call(store, "POST", "/plans", plan) == (200, {"workflow_id": "42", "tasks": ["a", "b"]})
    assert store.plans.plan_for("42") == Plan((Task("a"), Task("b", seconds=5, after=("a",))), pending=1)


def test_the_clock(store: Store) -> None:
    before = store.clock.now()
    _, answer = call(store, "POST", "/clock", {"advance": 30})
    assert datetime.fromisoformat(answer["now"]) == before + timedelta(seconds=30) == store.clock.now()


def test_reset(store: Store) -> None:
    store.faults.deny("*")
    assert call(store, "POST", "/reset")[0] == 200
    assert list_run_caches(store) == 200


@pytest.mark.parametrize(
    ("address", "fields", "message"),
    [
        ("/faults", b"{", "not JSON"),
        ("/faults", [1], "JSON object"),
        ("/faults", {"fial": {}}, "fial: not a fault; there are .*fail"),
        ("/faults", {"fail": 1}, "fail: give an object with operation, code"),
        ("/faults", {"fail": {"operation": "StartRun"}}, "fail.code: missing; give a string"),
        ("/faults", {"fail": {"operation": "StratRun", "code": "ConflictException"}}, "no operation 'StratRun'"),
        ("/faults", {"fail": {"operation": "StartRun", "code": "Oops"}}, "fail: .*no error 'Oops'"),
        ("/faults", {"fail": {"operation": "*", "code": "ConflictException", "on_call": "1"}}, "fail.on_call: '1'"),
        ("/faults", {"fail": {"operation": "*", "code": "ConflictException", "on_call": 0}}, "count from 1"),
        ("/faults", {"throttle": {"rate": True}}, "throttle.rate: True will not do; give a number"),
        ("/faults", {"throttle": {"rate": 2}}, "throttle: .*between 0 and 1"),
        ("/faults", {"limit": {"operation": "StartRun"}}, "limit.per_second: missing; give a number"),
        ("/faults", {"limit": {"operation": "StartRun", "per_second": 0}}, "limit: .*above 0"),
        ("/faults", {"slow": {"operation": "*", "seconds": 1, "times": 1.5}}, "give a whole number or null"),
        ("/faults", {"slow": {"operation": "*", "seconds": 1e300}}, "slow: seconds must be from 0 to 31622400"),
        ("/faults", {"idempotency": "never"}, "idempotency: 'never' .* one of 'replay'"),
        ("/faults", {"fail_submission": {"run_setting_id": "a", "code": "Oops"}}, "fail_submission: .*no error 'Oops'"),
        ("/faults", {"deny": {"operation": "*", "rate": 1}}, "deny.rate: not known here"),
        ("/plans", {}, "tasks: give a list"),
        ("/plans", {"tasks": [{"seconds": 1}]}, r"tasks\[0\].name: missing"),
        ("/plans", {"tasks": [{"name": "a", "after": [1]}]}, r"tasks\[0\].after\[0\]: 1 .*a string"),
        ("/plans", {"tasks": [{"name": "a", "seconds": 1e300}]}, "plan: seconds of task 'a' must be from 0"),
        ("/plans", {"tasks": [{"name": "a"}], "starting": -1}, "plan: starting must be from 0"),
        ("/plans", {"tasks": [{"name": "a"}], "penidng": 1}, "plan.penidng: not known here; there are .*pending"),
        ("/clock", {}, "advance: None will not do; give a number"),
        ("/clock", {"advance": -1}, "advance: .*back"),
        ("/clock", {"advance": 1e300}, "advance: .*nor beyond the year 8999"),
        ("/clock", b'{"advance": 1e400}', "1e400 is no number"),
        ("/clock", b'{"advance": NaN}', "NaN is no number"),
        ("/clock", b'{"advance": -Infinity}', "-Infinity is no number"),
        ("/reset", {"everything": True}, "everything: not known here; there are neighbours"),
        ("/reset", {"neighbours": "yes"}, "neighbours: 'yes' will not do"),
        ("/clock", {"seconds": 1}, "seconds: not known here; there are advance"),
    ],
)
def test_bad_input_is_told_what_would_be_right(store: Store, address: str, fields: object, message: str) -> None:
    status, answer = call(store, "POST", address, fields)
    assert status == 400
    assert re.search(message, answer["message"]), answer["message"]


@pytest.mark.parametrize(("method", "address", "status"), [("GET", "/nothing", 404), ("GET", "/faults", 405)])
def test_other_addresses(store: Store, method: str, address: str, status: int) -> None:
    assert call(store, method, address)[0] == status
