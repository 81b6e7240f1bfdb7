"""One resource for one name, whatever retries, races and lost answers do: names are not unique in HealthOmics."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from airflow_provider_omics.exceptions import (
    AccessDenied,
    Conflict,
    NotFound,
    OmicsError,
    OutcomeUnknown,
    ValidationFailed,
)
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

SETTLE_SECONDS = 4.0
"""How long a new resource is looked at before it is trusted to be the oldest. Lists may lag, and creation times may
have a resolution of a second; AWS documents neither. 4 s cover a lag of 3 s and such a resolution."""

SENDS = 3
"""How often a create whose answers are lost is sent, always with the same token."""


@dataclass
class Ensurer:
    """Find the resource that a request describes, or create it.

    A subclass knows one kind of resource: which of the listed ones are candidates, which of these is meant, in what it
    may drift, and the errors.

    :param hook: the client
    :param request: the checked members of the creating operation, ``name`` and ``requestId`` among them
    :param if_exists: ``reuse``, ``update``, ``fail`` or ``create``
    :param drift: ``warn`` or ``error``, where what exists differs from the request
    :param own_token: whether the author gave the ``requestId``: then no other is tried
    :param marker: tags by which the resource is told from others of its name, where the name is not enough
    """

    hook: OmicsHook
    request: dict[str, Any]
    if_exists: str
    drift: str
    own_token: bool
    marker: Mapping[str, str] = field(default_factory=dict)
    log: Any = field(default_factory=lambda: logging.getLogger(__name__))

    resource: ClassVar[Resource]
    update: ClassVar[str]
    """The operation that changes one."""
    compared: ClassVar[tuple[str, ...]]
    """The members in which an existing one may drift from the request."""
    updated: ClassVar[tuple[str, ...]]
    """The members that ``if_exists="update"`` brings in line."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """AWS's own defaults of those members."""
    in_words: ClassVar[Mapping[str, str]] = {}
    """Those members in words, where their names say too little."""
    unusable: ClassVar[type[OmicsError]]
    """The error of :meth:`unusable_error`."""

    def __post_init__(self) -> None:
        self.name: str = self.request["name"]
        self.wanted: Mapping[str, Any] = {
            member: value for member, value in {**self.defaults, **self.request}.items() if member in self.updated
        }

    # --- what a kind of resource knows

    def listed(self) -> Iterable[dict[str, Any]]:
        """Return the items of the list, all pages."""
        return self.hook.iterate(self.resource.list)

    def candidates(self, listed: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the usable ones of this name, the oldest first."""
        named = (item for item in listed if item.get("name") == self.name)
        return sorted(named, key=lambda item: (item["creationTime"], item["id"]))

    @property
    def listed_enough(self) -> bool:
        """Whether the list tells which of the candidates is meant; it carries no tags."""
        return not self.marker

    def is_meant(self, description: Mapping[str, Any]) -> bool:
        """Tell by its description whether a candidate is meant."""
        tags: dict[str, str] = description.get("tags", {})
        return self.marker.items() <= tags.items()

    def choose(self, candidates: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the oldest of the candidates that is meant, or None."""
        if self.listed_enough:
            return candidates[0] if candidates else None
        described = (self.hook.describe(self.resource, id=item["id"]) for item in candidates)
        return next(filter(self.is_meant, described), None)

    def label(self, found: Mapping[str, Any]) -> str:
        """Return what the log calls it."""
        return f"{self.resource.title} {found['id']} ({self.name})"

    def exists_error(self, found: Mapping[str, Any]) -> OmicsError:
        """Return the error for ``if_exists="fail"``."""
        raise NotImplementedError

    def drift_error(self, found: Mapping[str, Any], differences: str) -> OmicsError:
        """Return the error for ``drift="error"``."""
        raise NotImplementedError

    def unusable_error(self, identifier: str, status: str) -> OmicsError:
        """Return the error for a create that was answered with something that is not usable."""
        raise NotImplementedError

    # --- ensuring

    def ensure(self) -> dict[str, Any]:
        """Return the resource's description, with ``created`` telling whether this call made it."""
        found = self._oldest()
        if found is not None and self.if_exists == "fail":
            raise self.exists_error(found)
        if found is not None:
            return self._reuse(self._settled(found))
        own = self._create()
        sleep(SETTLE_SECONDS)
        winner = self._oldest(own) or own
        if winner["id"] != own["id"]:
            self._step_aside(own["id"], winner["id"])
            return self._reuse(winner)
        self.log.info("Created %s", self.label(own))
        return own | {"created": True}

    # --- looking

    def _oldest(self, own: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Return what the name stands for.

        :param own: the one that was just made, which counts even if it is not listed yet
        """
        listed = {item["id"]: item for item in self.listed()}
        if own is not None:
            listed.setdefault(own["id"], own)
        return self.choose(self.candidates(listed.values()))

    def _settled(self, found: dict[str, Any]) -> dict[str, Any]:
        """Look again at one so young that an older one may not be listed yet."""
        age = (self.hook.service_time - found["creationTime"]).total_seconds()
        if age >= SETTLE_SECONDS:
            return found
        sleep(SETTLE_SECONDS - max(age, 0))
        return self._oldest() or found

    # --- creating

    def _create(self) -> dict[str, Any]:
        """Create it and return its description; a token that only answers with the past is changed once."""
        request = dict(self.request)
        try:
            return self._usable(self._send(request))
        except (ValidationFailed, Conflict, self.unusable) as refused:
            if self.own_token:
                raise
            # The token is the same for all creators of this name, so the answer may be about an older resource.
            self.log.info("%s Trying once more with a new request id.", refused)
        return self._usable(self._send(request | {"requestId": str(uuid4())}))

    def _send(self, request: dict[str, Any]) -> str:
        for attempt in range(1, SENDS + 1):
            try:
                return str(self.hook.create(str(self.resource.create), **request)["id"])
            except OutcomeUnknown as unknown:
                if attempt == SENDS:
                    raise
                self.log.warning("%s", unknown)
                sleep(SETTLE_SECONDS)
                if found := self._oldest():
                    return str(found["id"])
        raise AssertionError("unreachable")

    def _usable(self, identifier: str) -> dict[str, Any]:
        try:
            found = self.hook.describe(self.resource, id=identifier)
        except NotFound:
            raise self.unusable_error(identifier, "DELETED") from None
        if self.resource.enum and self.resource.status_of(found) not in self.resource.succeeded:
            raise self.unusable_error(identifier, self.resource.status_of(found))
        return found

    # --- what exists

    def _step_aside(self, loser: str, winner: str) -> None:
        """Rename one that lost a race; never delete it: somebody may hold its id, and what it holds would be lost."""
        title, suffix = self.resource.title.capitalize(), f" duplicate of {winner}"
        name = self.name[: 128 - len(suffix)] + suffix
        try:
            self.hook.call(self.update, id=loser, name=name)
        except AccessDenied as denied:
            self.log.warning("%s %s lost a race against %s and keeps its name: %s", title, loser, winner, denied)
            return
        self.log.warning("%s %s lost a race against %s and is now named %r", title, loser, winner, name)

    def _reuse(self, found: dict[str, Any]) -> dict[str, Any]:
        differing = self._differing(found, self.compared)
        if self.if_exists == "update":
            found = self._update(found["id"])
        elif differing:
            differences = " and ".join(
                f"{self.in_words.get(member, member)} {one_line(found.get(member, 'none'))}, not {value}"
                for member, value in differing.items()
            )
            if self.drift == "error":
                raise self.drift_error(found, differences)
            label = self.label(found)
            self.log.warning('The %s has %s. It is used as it is; if_exists="update" changes it.', label, differences)
        self.log.info("Reusing %s", self.label(found))
        return found | {"created": False}

    def _differing(self, found: Mapping[str, Any], members: Iterable[str]) -> dict[str, Any]:
        return {m: self.wanted[m] for m in members if m in self.wanted and self.wanted[m] != found.get(m)}

    def _update(self, identifier: str) -> dict[str, Any]:
        """Bring it in line with the request; tags that others put on it stay."""
        title, found = self.resource.title, self.hook.describe(self.resource, id=identifier)
        changes = self._differing(found, self.updated)
        if changes:
            self.log.info("Updating %s %s: %s", title, identifier, ", ".join(sorted(changes)))
            self.hook.call(self.update, id=identifier, **changes)
        tags = {k: v for k, v in self.request.get("tags", {}).items() if found.get("tags", {}).get(k) != v}
        if tags:
            self.log.info("Tagging %s %s: %s", title, identifier, ", ".join(sorted(tags)))
            self.hook.call("TagResource", resourceArn=found["arn"], tags=tags)
        return self.hook.describe(self.resource, id=identifier) if changes or tags else found
