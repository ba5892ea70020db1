"""Ports of this machine that stay ours while nobody listens on them."""

import socket

HOST = "127.0.0.1"


class Port:
    """Bound but not listening: connecting to it is refused, and a process of ours may listen on it at any time."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind((HOST, 0))
        # Only now: a free port is to be found, not one that somebody else keeps in the same way.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()
