#!/usr/bin/env python3
"""The API that the tests put behind the gateway: small, on loopback, and demanding a key.

It answers nothing without its key, notes every request that reached it, and has routes that misbehave in the ways
the tests need: it echoes the request (the key included), fails while showing what it was sent, redirects, is slow.
It knows nothing of MCP and nothing of Lanyard. Python's standard library only.

As a program it prints its port on the first line and serves until it is killed:  world.py [KEY]
"""

import base64
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field

# One red pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
)


@dataclass
class Request:
    """What the world was sent, and when (monotonic seconds, the clock that the drivers use too)."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    at: float

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def as_json(self) -> dict:
        return {
            "method": self.method,
            "target": self.target,
            "headers": [f"{k}: {v}" for k, v in self.headers],
            "body": self.body.decode("utf-8", "replace"),
        }


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)


def as_json(status: int, value: object, **more) -> Answer:
    return Answer(status, json.dumps(value).encode(), **more)


class World:
    """The API as an object: `with World(key) as world:`; `world.requests()` is what it was sent so far."""

    def __init__(self, key: str, credentials: tuple[str, ...] = ()):
        # Any of these, in the header, the query or `Authorization`, lets a request in.
        self.keys = {key, *credentials}
        # What `/hook/NAME` does before it answers: how a test lets something happen in the middle of a call.
        self.hooks: dict[str, Callable[[], None]] = {}
        # What `/leak` answers: something that only this API knows.
        self.leak = ""
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"world": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port: int = self._server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "World":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def requests(self, prefix: str = "/") -> list[Request]:
        with self._lock:
            return [r for r in self._requests if r.path.startswith(prefix)]

    def counted(self) -> list[str]:
        """The ids that `/count/ID` was asked for, in the order of arrival."""
        return [r.path.removeprefix("/count/") for r in self.requests("/count/")]

    def forget(self) -> None:
        with self._lock:
            self._requests.clear()

    def note(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def let_in(self, request: Request) -> bool:
        offered = {request.header("x-api-key"), request.query.get("key")}
        scheme, _, value = (request.header("authorization") or "").partition(" ")
        if scheme == "Bearer":
            offered.add(value)
        elif scheme == "Basic":
            offered.add(base64.b64decode(value).decode())
        return bool(offered & self.keys)

    def answer(self, request: Request) -> Answer:
        if not self.let_in(request):
            return as_json(401, {"error": {"message": "this API demands a key"}})
        for pattern, route in ROUTES:
            if match := re.fullmatch(pattern, request.path):
                return route(request, *match.groups())
        if request.path == "/leak":
            return as_json(200, {"leak": self.leak})
        if request.path.startswith("/hook/") and (hook := self.hooks.get(request.path.removeprefix("/hook/"))):
            hook()
            return as_json(200, {"done": request.path})
        return as_json(404, {"error": {"message": f"nothing at {request.path}"}})


def invoice(_: Request, number: str) -> Answer:
    # Written out, so that the amount is not what a float would make of it.
    text = f'{{"number": {json.dumps(number)}, "total": 1200.50, "currency": "EUR", "lines": 12345678901234567890}}'
    return Answer(200, text.encode())


def invoices(request: Request) -> Answer:
    if request.method == "POST":
        return as_json(201, {"created": json.loads(request.body)})
    found = [{"number": f"INV-{n}", "state": request.query.get("state", "open")} for n in (1, 2, 3)]
    return as_json(200, {"invoices": found[: int(request.query.get("limit", "3"))]})


def slow(request: Request, milliseconds: str) -> Answer:
    time.sleep(int(milliseconds) / 1000)
    return as_json(200, {"waited": int(milliseconds), "id": request.query.get("id")})


ROUTES = [
    (r"/invoices/([^/]+)", invoice),
    (r"/invoices", invoices),
    (r"/count/([^/]+)", lambda _, id: as_json(200, {"counted": id})),
    (r"/slow/([0-9]+)", slow),
    (r"/text", lambda _: Answer(200, b"This is a simple text response for testing.", "text/plain")),
    (r"/pixel", lambda _: Answer(200, PNG, "image/png")),
    # From here on: what a careless or hostile API does with what it was sent.
    (r"/echo(?:/.*)?", lambda r: as_json(200, r.as_json())),
    (r"/echo-text", lambda r: Answer(200, json.dumps(r.as_json()).encode(), "text/plain")),
    (r"/echo-html", lambda r: Answer(200, f"<pre>{json.dumps(r.as_json())}</pre>".encode(), "text/html")),
    (r"/echo-encoded", lambda r: Answer(200, encoded(r))),
    (r"/echo-header", lambda r: as_json(200, {}, headers=[("X-Echo", r.header("x-api-key") or "none")])),
    (r"/fail/([0-9]{3})", lambda r, code: as_json(int(code), {"error": {"message": "refused", "sent": r.as_json()}})),
    (r"/redirect", lambda r: Answer(302, b"", headers=[("Location", f"/echo?{r.target.partition('?')[2]}")])),
    (r"/garbage", lambda r: Answer(200, b'{"sent": ' + repr(r.as_json()).encode() + b", oops")),
    (r"/test-error", lambda _: Answer(500, b"This tool intentionally returns an error for testing", "text/plain")),
]


def encoded(request: Request) -> bytes:
    """The credential in the forms that a masker has to know: base64 in its alignments, percent-encoded, and so on."""
    raw = (request.header("x-api-key") or request.header("authorization") or request.target).encode()
    forms = {
        "base64": base64.b64encode(raw).decode(),
        "base64 shifted": base64.b64encode(b"k=" + raw).decode(),
        "base64 url": base64.urlsafe_b64encode(b"key=" + raw).decode(),
        "percent": urllib.parse.quote(raw, safe=""),
        "percent all": "".join(f"%{byte:02X}" for byte in raw),
        "hex": raw.hex(),
    }
    escaped = "".join(f"\\u{ord(c):04x}" for c in raw.decode())
    return json.dumps(forms).encode()[:-1] + f', "escaped": "{escaped}"}}'.encode()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_) -> None:
        """A gateway that is killed in the middle of a call is what some tests are about."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*_)


class _Handler(http.server.BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            self.command, self.path, list(self.headers.items()), self.rfile.read(length), time.monotonic()
        )
        self.world.note(request)
        try:
            answer = self.world.answer(request)
        except (ValueError, KeyError) as problem:
            answer = as_json(400, {"error": {"message": str(problem)}})
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *_) -> None:
        pass


if __name__ == "__main__":
    with World(sys.argv[1] if len(sys.argv) > 1 else "tst_world_key") as served:
        print(served.port, flush=True)
        threading.Event().wait()
