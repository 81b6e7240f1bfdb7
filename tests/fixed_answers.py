"""A server of one fixed answer, or of none: what stands between a task and AWS may be anything."""

from __future__ import annotations

import socket
import threading

from tests.limit import LIMIT_SECONDS


class Server:
    """A server of one fixed answer, or of none."""

    def __init__(self, answer: bytes | None, *, drip: float = 0.0) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.answer, self.drip = answer, drip
        self.closing = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            if self.answer is None:
                self.closing.wait()
                return
            pieces = [self.answer[i : i + 1] for i in range(len(self.answer))] if self.drip else [self.answer]
            for piece in pieces:
                if self.closing.wait(self.drip):
                    return
                connection.sendall(piece)

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self.threads) - 1

    def close(self) -> None:
        if self.closing.is_set():
            return
        self.closing.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for thread in self.threads:
            thread.join(LIMIT_SECONDS)
