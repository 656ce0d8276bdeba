"""The filter's program, run as the kernel runs it, for both processors."""

import pytest

from ratecard_workbench.bring.system_calls import (
    ALLOW,
    AUDIT_ARCHITECTURES,
    FORBIDDEN,
    KILL,
    MACHINES,
    REFUSE,
    UNKNOWN,
    assemble,
)

PROCESS = 4321


def verdict(machine, number, *arguments, architecture=None):
    """Run the program over one call, step by step."""
    words = [number, architecture or AUDIT_ARCHITECTURES[machine], 0, 0]
    for value in (*arguments, *(0,) * (6 - len(arguments))):
        words += [value & 0xFFFFFFFF, value >> 32]
    program, held, at = assemble(machine, PROCESS), 0, 0
    while True:
        operation, if_true, if_false, operand = program[at]
        at += 1
        if operation == 0x06:
            return operand
        if operation == 0x20:
            held = words[operand // 4]
        elif operation == 0x54:
            held &= operand
        else:
            at += if_true if (held >= operand if operation == 0x35 else held == operand) else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_named_is_refused_and_what_is_newer_unknown(machine):
    """Each forbidden call of the processor, all recent ones, another processor's and x32's; reading is allowed."""
    place = MACHINES.index(machine)
    named = {numbers[place] for numbers in FORBIDDEN.values()} - {None}
    assert len(named) == len([one for one in FORBIDDEN.values() if one[place] is not None])
    assert {verdict(machine, number) for number in named} == {REFUSE}
    assert {verdict(machine, number) for number in (335, 424, 435, 452, 469, 9999, 0x40000029)} == {UNKNOWN}
    assert verdict(machine, 0, architecture=0x40000003) == KILL
    read, write, threads_wake = {"x86_64": (0, 1, 202), "aarch64": (63, 64, 98)}[machine]
    assert {verdict(machine, number, 3) for number in (read, write, threads_wake)} == {ALLOW}


@pytest.mark.parametrize(
    ("machine", "clone", "kill", "openat", "limits"), [("x86_64", 56, 62, 257, 302), ("aarch64", 220, 129, 56, 261)]
)
def test_calls_that_reach_others_are_judged_by_their_argument(machine, clone, kill, openat, limits):
    """Threads and own signals and limits are allowed, processes and those of others are not."""
    thread = 0x3D0F00
    allowed = [(clone, thread), (kill, PROCESS, 9), (limits, 0), (limits, PROCESS)]
    refused = [(clone, 0x1200011), (clone, 17), (clone, thread | 0x10000000), (kill, 1, 9), (kill, -1, 9), (limits, 1)]
    allowed += [(openat, 3, 1 << 40, flags) for flags in (0, 0o2000000, 0o1101, 0o1002)]
    refused += [(openat, 3, 1 << 40, flags) for flags in (0o1000, 0o2001000, 0o1003)]
    assert {verdict(machine, *call) for call in allowed} == {ALLOW}
    assert {verdict(machine, *call) for call in refused} == {REFUSE}
