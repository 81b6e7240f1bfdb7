"""What a repeated request is answered with.

AWS documents that a request token keeps a repeated request from making a second resource, and neither for how long nor
what the caller gets: https://docs.aws.amazon.com/omics/latest/api/API_StartRun.html. So it is a setting of the faults.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_omics.emulator.errors import ConflictException, ValidationException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.records import Members
from airflow_provider_omics.emulator.store import Token


def once(call: Call, perform: Callable[[Call], Members]) -> Members:
    """Perform a call unless its request token says that it was performed before.

    :raises ValidationException: if the token was used for another request, or as the fault's setting says.
    :raises ConflictException: as the fault's setting says.
    """
    token = call.parameters.get(call.operation.token or "")
    mode = call.store.faults.idempotency
    if token is None or mode == "off":
        return perform(call)
    key = (call.operation.name, token)
    used = call.region.tokens.get(key)
    if used is None:
        answer = perform(call)
        record = call.region.record(answer["arn"])
        call.region.tokens[key] = Token(call.parameters, answer, record)
        return answer
    if mode == "conflict":
        raise ConflictException(f"The requestId {token!r} was used for an earlier {call.operation.name}.")
    if mode == "validation" or used.parameters != call.parameters:
        raise ValidationException(
            f"The requestId {token!r} was used for an earlier {call.operation.name}; use another one."
        )
    return _replay(call, used)


def _replay(call: Call, used: Token) -> Members:
    """Return the first answer with today's status, if it has one; DELETED for a deleted resource is an assumption."""
    if "status" not in used.answer:
        return used.answer
    exists = used.record is not None and call.region.record(used.answer["arn"]) is used.record
    status = used.record.status if exists and used.record else "DELETED"
    return {**used.answer, "status": status}
