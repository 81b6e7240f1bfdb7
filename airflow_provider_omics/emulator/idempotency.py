"""What a repeated request is answered with.

AWS documents that a request token keeps a repeated request from making a second resource, and neither for how long nor
what the caller gets: https://docs.aws.amazon.com/omics/latest/api/API_StartRun.html. So each answer is a setting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from airflow_provider_omics.emulator.assumptions import refuse
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.records import Members
from airflow_provider_omics.emulator.store import Token


def once(call: Call, perform: Callable[[Call], Members]) -> Members:
    """Perform a call unless its request token says that it was performed before.

    :raises ServiceError: as the settings say.
    """
    token = call.parameters.get(call.operation.token or "")
    if token is None or _mode(call) == "off":
        return perform(call)
    key = (call.operation.name, token)
    used = call.region.tokens.get(key)
    if used is None or (answer := _answer_again(call, used)) == "off":
        made = perform(call)
        call.region.tokens[key] = Token(
            _compact(call.parameters), _shown(call, made), call.region.record(made["arn"]), call.store.now
        )
        return made
    refuse(answer, f"The requestId {token!r} was used for an earlier {call.operation.name}; use another one.")
    return _replay(call, used, answer)


def _compact(parameters: Mapping[str, Any]) -> Members:
    """Return parameters with a digest in the place of each archive: a token is kept for ever."""
    return {
        name: hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value
        for name, value in parameters.items()
    }


def _shown(call: Call, made: Members) -> Members:
    """Return what the answer has of a new resource, which is little; ten thousand of them are kept."""
    output = call.operation.output
    return {name: made[name] for name in output.members if name in made} if output else {}


def _mode(call: Call) -> str:
    faults = call.store.faults
    own = call.operation.name == "StartRun" and faults.run_idempotency != "same"
    return faults.run_idempotency if own else faults.idempotency


def _answer_again(call: Call, used: Token) -> str:
    """Return how a token that was used is answered; ``off``: as if it had not been."""
    faults = call.store.faults
    kept = faults.token_seconds
    if kept is not None and call.store.now - used.since >= timedelta(seconds=kept):
        return faults.token_expired
    if used.parameters != _compact(call.parameters):
        return faults.token_mismatch
    if _deleted(call, used):
        return faults.token_after_delete
    return _mode(call)


def _deleted(call: Call, used: Token) -> bool:
    return "status" in used.answer and (
        used.record is None or call.region.record(used.answer["arn"]) is not used.record
    )


def _replay(call: Call, used: Token, answer: str) -> Members:
    """Return the first answer, with today's status if it has one."""
    if "status" not in used.answer or answer == "stale" or used.record is None:
        return used.answer
    if _deleted(call, used):
        return {**used.answer, "status": "DELETED"}
    stale = call.operation.name == "StartRun" and call.store.faults.replayed_status == "first"
    return used.answer if stale else {**used.answer, "status": used.record.status}
