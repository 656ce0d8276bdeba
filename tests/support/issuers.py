"""Issuers of invoices that are killed: 32 processes at a time.

Run as a program: `python -m support.issuers FOLDER JOURNAL`. Every issuer tries to issue every invoice, in an order of
its own. Half of them kill themselves (SIGKILL) before, within or after one of the system calls of an append; of the
other half, the parent kills some at any instant, and the last ones live until all is issued. The journal gets a line
for each death at a step and for each number that an issuer was told is its own.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

from ratecard.storage.chain import Chain
from ratecard.storage.places import FolderPlaces
from support.documents import AlreadyIssuedError, invoice

ISSUERS = 32
TO_ISSUE = tuple((f"c{customer:02}", f"2026-{month:02}") for customer in range(20) for month in range(1, 7))
CALLS = ("open", "write", "fsync", "link", "unlink", "close")
STEPS = (*itertools.product(CALLS, ("before", "after")), ("write", "within"))
TO_KILL = len(STEPS) * 2 * 4


def die(journal: int, step: str) -> None:
    """Note the step and be killed there; no clean-up of any kind follows."""
    os.pwrite(journal, f"died {step}\n".encode(), 0)
    os.kill(os.getpid(), signal.SIGKILL)


def arm(journal: int, call: str, moment: str, occurrence: int) -> None:
    """Be killed at the given occurrence of a system call."""
    real, left = getattr(os, call), occurrence

    def killing(*arguments, **options):
        nonlocal left
        if left == 1 and moment == "within":
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
        if left == 1 and moment != "after":
            die(journal, f"{call} {moment}")
        result = real(*arguments, **options)
        left -= 1
        if left == 0:
            die(journal, f"{call} {moment}")
        return result

    setattr(os, call, killing)


def is_armed(seed: int) -> bool:
    """Every second issuer kills itself."""
    return seed % 2 == 0


def issue_all(folder: Path, journal: int, seed: int) -> None:
    """Issue what is not issued yet."""
    chance = random.Random(seed)
    chain = Chain(FolderPlaces(folder))
    if seed < TO_KILL and is_armed(seed):
        call, moment = STEPS[seed // 2 % len(STEPS)]
        arm(journal, call, moment, 1 + seed // 2 // len(STEPS))
    for customer, period in chance.sample(TO_ISSUE, len(TO_ISSUE)):
        try:
            document = chain.append(invoice(customer, period))
        except AlreadyIssuedError:
            continue
        os.pwrite(journal, f"issued {document.number} {customer} {period}\n".encode(), 0)


def start(folder: Path, journal: int, seed: int) -> int:
    """Start one issuer; returns its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            issue_all(folder, journal, seed)
            code = 0
        finally:
            os._exit(code)
    return child


def main(folder: Path, journal_path: Path) -> int:
    """Keep 32 issuers at work, killing some, until those after the last killing finish; returns how many failed."""
    journal = os.open(journal_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    chance, seeds, failed = random.Random(1), itertools.count(), 0
    living = {start(folder, journal, seed): seed for seed in itertools.islice(seeds, ISSUERS)}
    while living:
        started = next(seeds)
        killing = started < TO_KILL + ISSUERS
        time.sleep(chance.uniform(0, 0.004))
        victims = [child for child, seed in living.items() if not is_armed(seed)]
        if killing:
            if victims and not is_armed(started):
                os.kill(chance.choice(victims), signal.SIGKILL)
            living[start(folder, journal, started)] = started
        child, status = os.waitpid(-1, os.WNOHANG if killing else 0)
        while child:
            del living[child]
            failed += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
            child, status = os.waitpid(-1, os.WNOHANG) if living else (0, 0)
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
