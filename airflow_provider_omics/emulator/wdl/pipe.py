"""The child's side of the pipe to the emulator.

Each line is a JSON object. The child's have a ``kind``, and an ``id`` if it waits for an answer; the emulator's first
line is the request, and every further one an answer with that ``id``.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from airflow_provider_omics.emulator import json_input

Message = dict[str, Any]

_PATIENCE = 0.1
"""Seconds until it is asked again whether to give up."""


def parsed(line: bytes) -> Message:
    """Return a message of the other side, whose values of WDL may be NaN or infinite.

    :raises ValueError: if its values are nested too deeply.
    """
    message: Message = json_input.read(line, number=float)
    return message


class GivenUp(Exception):
    """Nobody waits for the answer any more."""


class Emulator:
    """The emulator, as its child sees it; threads may use it at the same time.

    :param abandoned: called, from a thread of its own, as soon as the emulator has closed the pipe or is gone.
    """

    def __init__(self, abandoned: Callable[[], None]) -> None:
        self._abandoned = abandoned
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints is not to be taken for a message
        self._in = sys.stdin.buffer
        # A handler of signals logs, too, in the midst of whatever the main thread is doing: only this kind of queue
        # may be put into there, and only a thread that handles no signals writes without being interrupted.
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="to emulator", daemon=True)
        self._writer.start()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[Message]] = {}

    def request(self) -> Message:
        """Return what to execute, and listen for answers from then on."""
        request = parsed(self._in.readline())
        threading.Thread(target=self._listen, name="from emulator", daemon=True).start()
        return request

    def tell(self, kind: str, **fields: Any) -> None:
        """Let the emulator know something."""
        self._lines.put(json.dumps({"kind": kind, **fields}).encode() + b"\n")

    def ask(self, kind: str, *, unless: Callable[[], bool] = lambda: False, **fields: Any) -> Message:
        """Let the emulator know something, and wait for its answer.

        :param unless: asked now and then whether to give up.
        :raises GivenUp: if it says so.
        """
        answer: queue.SimpleQueue[Message] = queue.SimpleQueue()
        number = next(self._numbers)
        self._waiting[number] = answer
        self.tell(kind, id=number, **fields)
        while not unless():
            with contextlib.suppress(queue.Empty):
                return answer.get(timeout=_PATIENCE)
        raise GivenUp

    def close(self) -> None:
        """Return when everything that was told has been sent."""
        self._lines.put(None)
        self._writer.join()

    def _write(self) -> None:
        try:
            for line in iter(self._lines.get, None):
                self._out.write(line)
                self._out.flush()
        except BrokenPipeError:
            threading.Event().wait()  # the emulator is gone: who listens to it is just about to end this process

    def _listen(self) -> None:
        try:
            for line in self._in:
                message = parsed(line)
                self._waiting.pop(message["id"]).put(message)
        finally:
            self._abandoned()
