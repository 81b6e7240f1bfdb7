"""Tables of resources in the order of creation; a page costs what it holds rather than what the table holds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_omics.emulator.records import Members, Record

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.store import Store

R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """The resources of one kind.

    :param store: whose time and faults rule the lists.
    :param indexed: members by which pages are filtered often.
    """

    def __init__(self, store: Store, *indexed: str) -> None:
        self._store = store
        self._keys: dict[str, int] = {}
        self._records: dict[int, R] = {}
        self._order: list[int] = []
        self._indexes: dict[str, dict[Any, set[int]]] = {name: {} for name in indexed}
        self._gone: dict[int, datetime] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[R]:
        return (self._records[number] for number in self._keys.values())

    def get(self, key: str) -> R | None:
        """Return the resource of that key, or None."""
        number = self._keys.get(key)
        return None if number is None else self._records[number]

    def add(self, key: str, record: R) -> R:
        """Take in a new resource, and return it."""
        self._last += 1
        self._keys[key] = self._last
        self._records[self._last] = record
        self._order.append(self._last)
        self._remember(self._last, record)
        return record

    def change(self, key: str, **members: Any) -> None:
        """Change members of a resource; one that becomes None is unset."""
        number = self._keys[key]
        record = self._records[number]
        self._forget(number, record)
        record.members = {k: v for k, v in {**record.members, **members}.items() if v is not None}
        self._remember(number, record)

    def remove(self, key: str) -> None:
        """Drop a resource; a lagging list goes on showing it for a while."""
        number = self._keys.pop(key)
        self._forget(number, self._records[number])
        self._gone[number] = self._store.now
        self._purge()

    def page(
        self,
        *,
        after: int = 0,
        limit: int,
        wanted: Mapping[str, Any] | None = None,
        where: Callable[[Members], bool] | None = None,
    ) -> tuple[list[Members], int | None]:
        """Return a page of resources as a list shows them, and the number to go on after if there are more.

        :param after: the number of the last resource of the page before.
        :param wanted: values that members must have.
        :param where: a further condition.
        """
        self._purge()
        wanted = wanted or {}
        found: list[tuple[int, Members]] = []
        for number in self._candidates(after, wanted):
            members = self._seen(self._records[number])
            if members is None or any(members.get(name) != value for name, value in wanted.items()):
                continue
            if where and not where(members):
                continue
            if len(found) == limit:
                return [members for _, members in found], found[-1][0]
            found.append((number, members))
        return [members for _, members in found], None

    def _candidates(self, after: int, wanted: Mapping[str, Any]) -> Iterator[int]:
        usable = [name for name in wanted if name in self._indexes]
        if usable and not self._store.faults.list_lag:
            smallest = min((self._indexes[name].get(wanted[name], set()) for name in usable), key=len)
            if len(smallest) < len(self._order) / 2:  # else a page is full sooner than these are sorted
                yield from sorted(number for number in smallest if number > after)
                return
        yield from self._order[bisect_right(self._order, after) :]

    def _seen(self, record: R) -> Members | None:
        """Return what a list shows of a resource now."""
        horizon = self._horizon()
        return next((members for since, members in reversed(record.history) if since <= horizon), None)

    def _horizon(self) -> datetime:
        return self._store.now - timedelta(seconds=self._store.faults.list_lag)

    def _remember(self, number: int, record: R) -> None:
        for name, index in self._indexes.items():
            index.setdefault(record.members.get(name), set()).add(number)
        horizon = self._horizon()
        known = bisect_right(record.history, horizon, key=lambda version: version[0])
        record.history = [*record.history[max(known - 1, 0) :], (self._store.now, record.members)]
        if not self._store.faults.list_lag:
            del record.history[:-1]

    def _forget(self, number: int, record: R) -> None:
        for name, index in self._indexes.items():
            index[record.members.get(name)].discard(number)

    def _purge(self) -> None:
        """Let go of what no list shows any more."""
        horizon = self._horizon()
        for number, since in list(self._gone.items()):
            if since > horizon:
                break
            del self._gone[number], self._records[number]
            del self._order[bisect_right(self._order, number) - 1]
