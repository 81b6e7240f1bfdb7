"""By what a task matches an entry of a run cache, and why one did not.

https://docs.aws.amazon.com/omics/latest/dev/how-run-cache.html: a task is reused if its definition, its inputs and its
container are identical; https://docs.aws.amazon.com/omics/latest/dev/troubleshooting.html adds CPUs, memory and GPUs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

Part = Literal["definition", "input", "container", "resources"]
Reason = Literal[Part, "never_seen", "object_gone", "opted_out"]


@dataclass(frozen=True)
class CacheKey:
    """All that a task's outputs may depend on."""

    task: str
    """The task's name in its definition: the same for every call of it."""
    definition: str
    """A digest of the definition without container and resources."""
    inputs: Mapping[str, Any]
    """The inputs by name, as JSON; a file stands there by its ETag, wherever it lies."""
    container: str | None
    """The image and its digest."""
    resources: Mapping[str, int]
    """CPUs, memory (GiB) and GPUs."""
    source: str = ""
    """A digest of the whole source, which may tell more than the definition."""

    @cached_property
    def digest(self) -> str:
        """What is equal for two tasks that must compute the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Change:
    """One difference between a task and what a cache knows."""

    part: Part
    name: str | None = None
    """Which input, or which of the resources."""
    before: Any = None
    now: Any = None

    def __str__(self) -> str:
        if self.part == "definition":
            return "the task's definition changed"
        if self.part == "container":
            return f"the container changed from {self.before} to {self.now}"
        if self.part == "resources":
            return f"{self.name} changed from {self.before} to {self.now}"
        return f"input {self.name} changed"


@dataclass(frozen=True)
class Miss:
    """Why a task was computed."""

    reason: Reason
    """The first of the changes, or why nothing could be compared."""
    changes: tuple[Change, ...] = ()
    """All differences from the entry that is nearest."""
    nearest: str | None = None
    """The S3 URI of that entry, or of the object that is gone."""
    detail: str = ""

    def __str__(self) -> str:
        if self.changes:
            return f"{', '.join(map(str, self.changes))} (compared with {self.nearest})"
        return self.detail

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON, as the cache's log shows it."""
        return {"reason": self.reason, "changes": [asdict(c) for c in self.changes], "nearest": self.nearest}


NEVER_SEEN = Miss("never_seen", detail="the cache has no entry of a task of this name")


def opted_out(why: str) -> Miss:
    """Return why a task is neither looked up nor saved."""
    return Miss("opted_out", detail=why)


def object_gone(uri: str) -> Miss:
    """Return why an entry of the very same task is of no use."""
    return Miss("object_gone", nearest=uri, detail=f"{uri} of its entry was deleted or changed")


class Former(Protocol):
    """An entry of a cache."""

    @property
    def key(self) -> CacheKey:
        """By which tasks match it."""

    @property
    def name(self) -> str:
        """What the task was called in its run."""

    @property
    def s3_uri(self) -> str:
        """Where it lies."""


def explain(key: CacheKey, name: str, entries: Iterable[Former]) -> Miss:
    """Return why a task matches no entry, by the one that is nearest to it.

    :param key: the task's.
    :param name: what it is called in its run, e.g. ``align-1``.
    :param entries: the oldest first.
    """
    found = [(changes_from(entry.key, key), entry) for entry in entries if entry.key.task == key.task]
    if not found:
        return NEVER_SEEN
    # Of entries that are equally near, the same call's and then the latest tell most about what was done since.
    changes, nearest = min(reversed(found), key=lambda each: (len(each[0]), each[1].name != name))
    return Miss(changes[0].part, tuple(changes), nearest.s3_uri)


def changes_from(before: CacheKey, now: CacheKey) -> list[Change]:
    """Return in what a key differs from another one of the same task; at least one change."""
    changes = list(_changes(before, now))
    # The source alone differs where, say, its meta section was edited.
    return changes or [Change("definition", before=before.source, now=now.source)]


def _changes(before: CacheKey, now: CacheKey) -> Iterator[Change]:
    if before.definition != now.definition:
        yield Change("definition", before=before.definition, now=now.definition)
    for name in sorted({*before.inputs, *now.inputs}):
        yield from _input_changes(name, before.inputs.get(name), now.inputs.get(name))
    for name, old in before.resources.items():
        if old != now.resources[name]:
            yield Change("resources", name, old, now.resources[name])
    if before.container != now.container:
        yield Change("container", before=before.container, now=now.container)


def _input_changes(name: str, old: Any, new: Any) -> Iterator[Change]:
    """Yield the change of an input; of lists of the same length, that of each item."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _input_changes(f"{name}[{number}]", one, other)
    elif old != new:
        yield Change("input", name, old, new)
