"""One call of an operation, as its handler sees it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_omics.emulator.assumptions import NameMatch, matches
from airflow_provider_omics.emulator.errors import ValidationException
from airflow_provider_omics.emulator.model import Operation
from airflow_provider_omics.emulator.records import Members
from airflow_provider_omics.emulator.store import Region, Store
from airflow_provider_omics.emulator.tables import Table

PAGE = 100
"""The items on a page unless ``maxResults`` says otherwise, and the most that it may say."""


@dataclass(frozen=True)
class Call:
    """A call whose parameters satisfy the model; the store is locked and settled."""

    store: Store
    region: Region
    operation: Operation
    parameters: dict[str, Any]

    def given(self, *names: str) -> Members:
        """Return those of the named parameters that were sent."""
        return {name: self.parameters[name] for name in names if name in self.parameters}

    def page(self, table: Table[Any], *filters: str, where: Callable[[Members], bool] | None = None) -> Members:
        """Return the page of a table that the call asks for.

        :param filters: parameters that are members of the items, too, and must be equal.
        :raises ValidationException: if the token is none that an earlier page of this list gave.
        """
        items, more = table.page(
            after=self._position(),
            limit=self.parameters.get("maxResults") or self.parameters.get("maxItems", PAGE),
            wanted=self.given(*filters),
            where=where,
        )
        return {"items": items, "nextToken": self._token(more) if more else None}

    def page_by_name(self, table: Table[Any], match: NameMatch, *filters: str) -> Members:
        """Return the page of a table that the call asks for by ``name`` besides other filters.

        :param match: how the service compares names.
        """
        asked = self.parameters.get("name")
        if asked is None or match == "equal":
            return self.page(table, "name", *filters)
        return self.page(table, *filters, where=lambda members: matches(members.get("name", ""), asked, match))

    def _token(self, position: int) -> str:
        return base64.urlsafe_b64encode(f"{self.operation.name}:{position}".encode()).decode()

    def _position(self) -> int:
        token = self.parameters.get("startingToken")
        if token is None:
            return 0
        try:
            name, _, position = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
            if name == self.operation.name:
                return int(position)
        except (binascii.Error, ValueError):
            pass
        raise ValidationException(f"The startingToken {token!r} is not one that {self.operation.name} gave.")
