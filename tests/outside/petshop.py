"""Swagger's Petstore behind the gateway: the two descriptions that Swagger publishes, v2 and v3, and a server for each.

    with Petstore("v3") as shop:
        shop.description    its description, saying where this one listens
        shop.secrets()      what `server add` is told, and what its users must never see
"""

import contextlib
import json
import pathlib
import queue
import shutil
import subprocess
import threading

import lib
import upstream

PYTHON = str(lib.OUTSIDE / "apis/bin/python")
DESCRIPTIONS = lib.OUTSIDE / "petstore"
PROGRAM = str(upstream.FIXTURES / "petstore.py")
# Seconds until a request that was answered is told.
WITHIN = 10


class Petstore(upstream.Upstream):
    """One of the two, with a key and a token of its own and an empty shop."""

    def __init__(self, version: str):
        self.version = version
        self.key, self.token = f"tst_petstore_{version}_key_5d1e", f"tst_petstore_{version}_token_9a07"
        published = DESCRIPTIONS / f"{version}.yaml"
        lib.check(published.exists() and pathlib.Path(PYTHON).exists(), "the Petstore is missing: tests/outside/install")
        super().__init__(f"petstore-{version}", [PYTHON, PROGRAM, str(published), self.key, self.token], "http")
        self.scratch = lib.scratch()

    def __exit__(self, *_) -> None:
        super().__exit__()
        shutil.rmtree(self.scratch, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{'/v2' if self.version == 'v2' else '/api/v3'}"

    @property
    def description(self) -> pathlib.Path:
        """What is published, but for the place: a shop of one's own says where it stands."""
        text = (DESCRIPTIONS / f"{self.version}.yaml").read_text()
        if self.version == "v2":
            text = text.replace('host: "petstore.swagger.io"', f'host: "127.0.0.1:{self.port}"').replace('- "https"\n', "")
        else:
            text = text.replace("https://petstore3.swagger.io/api/v3", self.url)
        file = self.scratch / f"petstore-{self.version}.yaml"
        file.write_text(text)
        return file

    def secrets(self) -> dict[str, str]:
        """Values by the ids of the description's schemes."""
        return {"petstore_auth": self.token, "api_key": self.key}

    def taken(self, count: int) -> list[list]:
        """The next `count` requests that the shop answered: method, path, status."""
        found = []
        for _ in range(count):
            with contextlib.suppress(queue.Empty):
                found.append(self.told.get(timeout=WITHIN))
        lib.check(len(found) == count, f"the shop took {found} within {WITHIN} s, not {count} requests")
        return found

    def start(self, port: int = 0) -> None:
        super().start(port)
        assert self.process and self.process.stdout
        self.told: queue.Queue = queue.Queue()
        threading.Thread(target=self.listen, args=[self.process.stdout], daemon=True).start()

    def listen(self, said) -> None:
        with contextlib.suppress(ValueError):  # It is closed at the end.
            for line in said:
                self.told.put(json.loads(line))


def imported(description: pathlib.Path) -> pathlib.Path:
    """The definition of a description, as the importer alone writes it."""
    importer = lib.built() / "examples/import_corpus"
    done = subprocess.run([importer, "--yaml", description], capture_output=True, check=False)
    lib.check(done.returncode == 0, f"the importer fell: {done.stderr.decode()[-300:]}")
    file = description.with_suffix(".definition.yaml")
    file.write_bytes(done.stdout)
    return file
