"""What clients send, as long as it comes in time: each connection takes a thread, and an idle one takes it for ever."""

from __future__ import annotations

import io
import socket
import time
from typing import Any

IDLE = 90.0
"""How many seconds a connection may be open without the first line of a request."""
REQUEST = 30.0
"""How many seconds the rest of a request may take, besides the time for its bytes."""
PACE = 10_000
"""How many bytes give a sender one more second."""
ANSWER = 60.0
"""How many seconds a client may take nothing of its answer."""
LINGER = 2.0
"""How many seconds a refused client may take to read the refusal and close its connection."""
DISCARDED = 16 * 1024**2
"""How many bytes of a refused request's body are read, and dropped, so that the client gets to read the refusal."""


class Incoming(io.RawIOBase):
    """What a connection sends.

    :param connection: its time-out belongs to this object.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until = 0.0

    def allow(self, seconds: float) -> None:
        """Let what follows take so long, besides the time for its bytes."""
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is.

        :raises TimeoutError: if nothing came in time.
        """
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("The request did not arrive in time.")
        self._connection.settimeout(remaining)
        received = self._connection.recv_into(buffer)
        self._until += received / PACE
        return received
