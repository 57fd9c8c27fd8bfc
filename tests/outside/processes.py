"""What a process holds: descriptors, memory, time; and processes by a mark in their command line. From /proc."""

import os
import pathlib
import time
from dataclasses import dataclass

PROC = pathlib.Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


@dataclass
class Held:
    descriptors: int
    children: int
    rss_mib: float

    def __str__(self) -> str:
        return f"{self.descriptors} descriptors, {self.children} processes, {self.rss_mib:.0f} MiB"


def held(pid: int, mark: str) -> Held:
    """What the gateway holds, and how many processes carry the mark of its servers, whoever their parent is."""
    rss = int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE
    return Held(len(list((PROC / str(pid) / "fd").iterdir())), len(marked(mark)), rss / MIB)


def marked(mark: str) -> list[int]:
    """The processes that have `mark` as one of their arguments. Zombies have none."""
    found = []
    for directory in PROC.iterdir():
        if directory.name.isdigit():
            try:
                arguments = (directory / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in arguments:
                found.append(int(directory.name))
    return found


def zombies(pid: int) -> int:
    """The children that ended and that nobody has waited for."""
    count = 0
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        count += state == "Z" and int(parent) == pid
    return count


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has used, from its CPU clock: /proc counts in ticks of 10 ms."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_mib(pid: int) -> float:
    return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE / MIB
