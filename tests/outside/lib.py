"""What the drivers in this folder share: the real binary in a data directory of its own, and a bare MCP client.

Nothing here knows how the gateway is built. It starts the release binary, talks to it by its commands and its
sockets, and cleans up after itself. Python's standard library only.
"""

import ctypes
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTSIDE = pathlib.Path(os.environ.get("OUTSIDE_DIR", ROOT / ".outside"))
BINARY = pathlib.Path(os.environ.get("LANYARD_BIN", ROOT / "target/release/lanyard"))
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
# The port that stands in every file of definitions/ for the one that the test's API got.
PLACEHOLDER_PORT = "7499"
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """A promise that did not hold, in a sentence."""


def check(holds: object, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


def run(main) -> None:
    """Runs a driver's `main`: one sentence and exit code 1 where a promise did not hold."""
    try:
        main()
    except Failed as failed:
        print(f"FAILED: {failed}", file=sys.stderr)
        sys.exit(1)


def die_with_parent() -> None:
    """A killed driver takes its gateways along, so that no process is left behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def built(*what: str, release: bool = False) -> pathlib.Path:
    """The directory where cargo put `what`: `--example NAME`, `--bin NAME`, features.

    The whole workspace is selected, and an example with it: then features are those of `cargo test --workspace`, and
    what that compiled is used. Another selection would compile half of the tree once more.
    """
    command = ["cargo", "build", "--locked", "--quiet", "--workspace", "--example", "import_corpus", *what]
    subprocess.run(command + ["--release"] * release, cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("release" if release else "debug")


def scratch() -> pathlib.Path:
    """A new directory for the owner alone, with a name short enough for Unix sockets in it."""
    return pathlib.Path(tempfile.mkdtemp(prefix="lyd-"))


def definition(name: str, port: int, into: pathlib.Path) -> pathlib.Path:
    """A file of definitions/, pointed at the API that listens on `port`."""
    text = (HERE / "definitions" / f"{name}.yaml").read_text()
    file = into / f"{name}.yaml"
    file.write_text(text.replace(f":{PLACEHOLDER_PORT}/", f":{port}/"))
    return file


class Gateway:
    """One `lanyard up` on free loopback ports, and the operator's commands against it."""

    def __init__(self, data: pathlib.Path | None = None, env: dict[str, str] | None = None, *options: str):
        check(BINARY.exists(), f"{BINARY} is missing: cargo build --release -p lanyard")
        self.scratch = scratch()
        self.data = data or self.scratch / "data"
        # A clean environment: nothing of the caller's reaches the gateway by chance.
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.scratch), **run_mark(), **(env or {})}
        self.options = options
        self.log = self.scratch / "up.log"
        self.process: subprocess.Popen | None = None
        self.listen = self.admin = ""
        self.commands: list[subprocess.CompletedProcess] = []

    def __enter__(self) -> "Gateway":
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self, within: float = 20.0) -> float:
        """Starts and waits until it has said where it listens; returns the seconds that took."""
        addresses = self.data / "run/addresses.json"
        addresses.unlink(missing_ok=True)
        arguments = ["--data", str(self.data), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "up", *arguments, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                preexec_fn=die_with_parent,
            )
        while time.monotonic() - began < within:
            check(self.process.poll() is None, f"`lanyard up` ended with {self.process.returncode}:\n{self.tail()}")
            try:
                found = json.loads(addresses.read_text())
                self.listen, self.admin = found["listen"], found["admin"]
                return time.monotonic() - began
            except (OSError, ValueError):
                time.sleep(0.001)
        raise Failed(f"`lanyard up` wrote no {addresses.name} within {within} s:\n{self.tail()}")

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self, within: float = 25.0) -> int:
        """SIGTERM, and how it ended."""
        assert self.process
        self.process.terminate()
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failed(f"`lanyard up` did not end within {within} s of SIGTERM") from None

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    @property
    def base(self) -> str:
        return f"http://{self.listen}"

    def try_run(self, *arguments: str, stdin: str = "", env: dict[str, str] | None = None):
        """An operator's command and how it went; kept, because the sweep reads every byte of it."""
        done = subprocess.run(
            [BINARY, "--data", str(self.data), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.env, **(env or {})},
            timeout=60,
            check=False,
        )
        self.commands.append(done)
        return done

    def run(self, *arguments: str, stdin: str = "") -> str:
        done = self.try_run(*arguments, stdin=stdin)
        said = (done.stdout + done.stderr).strip()
        check(done.returncode == 0, f"`lanyard {' '.join(arguments)}` ended with {done.returncode}: {said}")
        return done.stdout

    def json(self, *arguments: str):
        return json.loads(self.run(*arguments, "--json"))

    def records(self) -> list[dict]:
        """Every line of the audit log up to its last whole one, the oldest first, read from its files."""
        files = sorted((self.data / "audit").glob("*.log"))
        lines = b"".join(file.read_bytes() for file in files).splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def add_server(self, name: str, port: int, key: str, scheme: str) -> None:
        """Stores the key as NAME-key and adds definitions/NAME.yaml with it."""
        self.run("secret", "set", f"{name}-key", stdin=key)
        file = definition(name, port, self.scratch)
        self.run("server", "add", name, "--yaml", str(file), "--secret", f"{scheme}=secret://{name}-key")

    def add_agent(self, name: str, *grants: tuple[str, str]) -> str:
        """An agent with its grants (server, tools); returns its token."""
        token = self.json("agent", "add", name)["token"]
        for server, tools in grants:
            self.run("grant", name, server, "--allow", tools)
        return token


def run_mark() -> dict[str, str]:
    """The mark by which ./test finds what it started, wherever it ended up."""
    mark = os.environ.get("LANYARD_TEST_RUN")
    return {"LANYARD_TEST_RUN": mark} if mark else {}


class Client:
    """One connection that speaks MCP 2026-07-28: one request, one answer, nothing hidden."""

    def __init__(self, address: str, token: str, path: str = "/mcp", timeout: float = 30.0):
        self.address, self.token, self.path = address, token, path
        self._http = http.client.HTTPConnection(address, timeout=timeout)
        self._ids = itertools.count(1)

    def close(self) -> None:
        self._http.close()

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """A POST as it stands; a connection that the server had closed in the meantime is not retried."""
        self._http.request("POST", self.path, body, headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def request(self, method: str, params: dict | None = None) -> tuple[int, bytes]:
        params = dict(params or {})
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": method,
        }
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        return self.post(json.dumps(message).encode(), headers)

    def call(self, tool: str, **arguments) -> tuple[int, dict]:
        status, body = self.request("tools/call", {"name": tool, "arguments": arguments})
        return status, message_of(body)

    def tools(self) -> list[str]:
        status, body = self.request("tools/list")
        check(status == 200, f"tools/list on {self.path} answered HTTP {status}")
        return [tool["name"] for tool in message_of(body)["result"]["tools"]]


def message_of(body: bytes) -> dict:
    """The JSON-RPC message of an answer, plain or as the last event of a stream; {} where there is none."""
    text = body.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        events = re.findall(r"^data: ?(.*)$", text, re.MULTILINE)
        text = events[-1] if events else "{}"
    try:
        return json.loads(text)
    except ValueError:
        return {}


def text_of(message: dict) -> str:
    return "".join(c.get("text", "") for c in message.get("result", {}).get("content", []))


def succeeded(status: int, message: dict) -> bool:
    return status == 200 and "result" in message and not message["result"].get("isError")
