"""One look at everything that is watched, in the cheaper of two ways: describe each, or list what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import AccessDenied, OmicsError, Throttled
from airflow_provider_omics.hooks import errors, schema
from airflow_provider_omics.hooks.budget import Budget, budget_of
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

Key = tuple[str, ...]
Found = Mapping[str, Any] | OmicsError | None
"""What a look shows of one resource: its description or list item, an error that a later look would meet again, or None
where a passing error says nothing about it."""

PAGE = 100
"""How many items a page holds at most, by botocore's model."""

PAGE_REPEATS = 3
"""How often a page is asked for."""

RELEARN_SWEEPS = 20
"""After how many sweeps without a list it is found out anew how many pages there are."""


class Sweep:
    """Look at what is watched.

    A list sees the whole account, and AWS lists one status a call. So the number of pages is learned as it goes; where
    others fill the account, describing is cheaper. What has left the lists is described: only GetRun and its like tell
    how it ended, and of which ``uuid`` it is.

    :param hook: makes the calls, each once
    :param executor: the threads to make them in
    """

    def __init__(self, hook: OmicsHook, resource: Resource, executor: Executor) -> None:
        self.hook, self.resource = hook, resource
        self.calls = 0
        """How many calls the last sweep made."""
        self._executor = executor
        self._lists = len(resource.identifiers) == 1 and "status" in schema.members_of(resource.list)
        self._whole = False
        self._pages = 0
        self._described = 0

    def close(self) -> None:
        """Close the client's connections."""
        self.hook.conn_once.close()

    async def look(self, due: Collection[Key], watched: Collection[Key]) -> AsyncIterator[tuple[Key, Found]]:
        """Look at what is due, and at whatever else that shows.

        :param due: what is to be looked at
        :param watched: what else is of interest
        """
        self.calls = 0
        left: Collection[Key] = due
        if self._is_listing_cheaper(len(due)):
            before, seen = list(watched), set[Key]()
            async for item in self._list(len(due)):
                key = tuple(self.resource.identifiers_in(item).values())
                if key in watched and key not in seen:
                    seen.add(key)
                    yield key, item
            left = [key for key in (before if self._whole else due) if key not in seen]
        else:
            self._described += 1
            if self._described >= RELEARN_SWEEPS:
                self._described = self._pages = 0
        async for each in self._describe(left):
            yield each

    # --- listing

    def _is_listing_cheaper(self, due: int) -> bool:
        active = self.resource.progress | self.resource.stopping
        return self._lists and due > max(self._pages, len(active) - 1 + -(-due // PAGE))

    async def _list(self, due: int) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what is under way, page by page; it ends early where lists are denied, do not answer, or are longer
        than what is due.

        In the order of a resource's life: what moves on meanwhile is seen twice, never missed.
        """
        pages, self._whole = 0, False
        for status in self._order():
            token: dict[str, Any] = {}
            while True:
                if pages >= due:
                    self._pages = pages + 1
                    return
                page = await self._page({"status": status} | self._page_size | token)
                if page is None:
                    return
                pages += 1
                for item in page["items"]:
                    yield item
                if not page.get("nextToken"):
                    break
                token = {"startingToken": page["nextToken"]}
        self._pages, self._whole = pages, True

    async def _page(self, members: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a page, or None if there is none to be had; a passing error is met a few times before it counts,
        since without a page its hundred are described."""
        for _ in range(PAGE_REPEATS):
            try:
                return await self._call(self.resource.list, members)
            except AccessDenied as denied:
                self.hook.log.warning("What is under way is described one by one: %s", denied)
                self._lists = False
                break
            except OmicsError as error:
                if not errors.is_passing(error):
                    raise
        return None

    def _order(self) -> list[str]:
        assert self.resource.enum  # noqa: S101 - what is waited for has a status
        return schema.in_model_order(self.resource.enum, self.resource.progress | self.resource.stopping)

    @property
    def _page_size(self) -> dict[str, Any]:
        members = schema.members_of(self.resource.list)
        return {name: PAGE for name in ("maxResults", "maxItems") if name in members}

    # --- describing

    async def _describe(self, keys: Collection[Key]) -> AsyncIterator[tuple[Key, Found]]:
        """Describe each, several at a time, and yield each as soon as it is known."""
        under_way: set[asyncio.Task[tuple[Key, Found]]] = set()
        try:
            for key in keys:
                await self._budget(self.resource.describe).turn()
                under_way.add(asyncio.ensure_future(self._describe_one(key)))
                done = {task for task in under_way if task.done()}
                under_way -= done
                for task in done:
                    yield task.result()
            for ended in asyncio.as_completed(under_way):
                yield await ended
        finally:
            for left in under_way:
                left.cancel()

    async def _describe_one(self, key: Key) -> tuple[Key, Found]:
        identifiers = dict(zip(self.resource.identifiers, key, strict=True))
        try:
            return key, await self._call(self.resource.describe, identifiers, paced=True)
        except OmicsError as error:
            return key, None if errors.is_passing(error) else error

    # --- calling

    def _budget(self, operation: str) -> Budget:
        return budget_of(self.hook.aws_conn_id, self.hook.region_name, operation, self.hook.requests_per_second)

    async def _call(self, operation: str, members: Mapping[str, Any], *, paced: bool = False) -> dict[str, Any]:
        """Make one call in a thread of our own, in its turn."""
        budget = self._budget(operation)
        if not paced:
            await budget.turn()
        self.calls += 1
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._executor, lambda: self.hook.ask(operation, **members))
        except Throttled:
            budget.throttled()
            raise
        budget.answered()
        return answer
