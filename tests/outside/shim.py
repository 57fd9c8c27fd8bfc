"""A shim in front of the gateway that adds the agent's token, for tools that cannot send one.

It works on bytes: of each request it reads the head and inserts one `Authorization` line after the request line; the
rest of the head (Host and Origin among it, spacing included) and every body byte go through as they were sent, and so
does everything that comes back. It lives in the tests; the gateway has no mode without a token.
"""

import contextlib
import socket
import threading


class Shim:
    """`with Shim("127.0.0.1:PORT", token) as shim:` listens on `shim.address`."""

    def __init__(self, upstream: str, token: str):
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._line = f"Authorization: Bearer {token}\r\n".encode()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Shim":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._upstream) as upstream:
            for one in (client, upstream):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pump, args=(upstream, client), daemon=True).start()
            with contextlib.suppress(OSError):
                self._requests(client.makefile("rb"), upstream)
            # The client is done sending (or gone): the gateway is told so, as it would be without the shim.
            _shut(upstream)

    def _requests(self, source, upstream: socket.socket) -> None:
        """Each request of a keep-alive connection: request line, our line, the rest as it came."""
        while first := source.readline():
            upstream.sendall(first + self._line)
            length, chunked = 0, False
            while True:
                line = source.readline()
                name, _, value = line.partition(b":")
                if name.strip().lower() == b"content-length":
                    length = int(value)
                elif name.strip().lower() == b"transfer-encoding":
                    chunked = b"chunked" in value.lower()
                upstream.sendall(line)
                if line in (b"\r\n", b"\n", b""):
                    break
            if chunked:
                _copy_chunks(source, upstream)
            elif length:
                upstream.sendall(source.read(length))


def _copy_chunks(source, upstream: socket.socket) -> None:
    while size := source.readline():
        upstream.sendall(size)
        length = int(size.split(b";")[0], 16)
        upstream.sendall(source.read(length + 2) if length else source.readline())
        if not length:
            return


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    _shut(sink)


def _shut(sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
