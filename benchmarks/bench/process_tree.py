"""CPU time and memory of whole process trees, read from Linux's own accounting."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def zombies(parents: Iterable[int]) -> set[int]:
    """Processes that have ended, and that these, their parents, have not waited for."""
    found = set()
    for pid in processes():
        with suppress(OSError):
            state, parent = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[:2]
            if state == b"Z" and int(parent) in set(parents):
                found.add(pid)
    return found


def descendants(roots: Iterable[int]) -> set[int]:
    """The living processes among these pids, and all their living descendants."""
    children: dict[int, list[int]] = {}
    for pid in processes():
        if fields := _stat(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if _stat(pid)]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def marked(text: str) -> set[int]:
    """The processes whose environment holds this text; it is inherited even by those that left the tree."""
    found = set()
    for pid in processes():
        try:
            if text.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.add(pid)
        except OSError:  # it has ended, or is another user's
            continue
    return found


def processes() -> list[int]:
    """Every pid of this machine."""
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]


def start_time(pid: int) -> int | None:
    """When a living process started, in clock ticks since boot: a later one with its pid has another."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def _stat(pid: int) -> list[bytes] | None:
    """State, parent and so on of a living process (proc_pid_stat(5), from the third field on)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return None
    return fields if fields[0] not in b"ZX" else None


def cpu_times(pids: Iterable[int]) -> dict[int, int]:
    """User and system time of each process so far, all its threads together, in nanoseconds."""
    times = {}
    for pid in pids:
        try:
            times[pid] = time.clock_gettime_ns((~pid << 3) | 2)  # its CPU clock, see clock_getcpuclockid(3)
        except OSError:  # it has just ended
            continue
    return times


def cpu_between(before: dict[int, int], after: dict[int, int]) -> int:
    """The CPU time that the processes of `after` used since `before`, in nanoseconds."""
    return sum(used - before.get(pid, 0) for pid, used in after.items())


def pss_kb(pids: Iterable[int]) -> int:
    """Proportional set size of the processes together, in kB: shared pages are counted once."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total
