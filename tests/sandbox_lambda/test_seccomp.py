"""The filter of system calls decides as its tables say, on each architecture: read by an interpreter of its own."""

import errno
import struct

import pytest

from sandbox_lambda import seccomp, syscalls
from sandbox_lambda.seccomp import Guarded
from sandbox_lambda.syscalls import Machine

ALLOWED, KILLED = 0x7FFF_0000, 0x8000_0000
PERMISSION, MISSING = 0x0005_0000 | errno.EPERM, 0x0005_0000 | errno.ENOSYS

ARCHITECTURES: dict[Machine, int] = {"x86_64": 62 | 0xC000_0000, "aarch64": 183 | 0xC000_0000}
MACHINES: list[Machine] = list(ARCHITECTURES)
GUARDED = Guarded(pid=77, group=70)


def decide(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would answer: a machine of one register, whose jumps only go forward."""
    padded = [argument & 0xFFFF_FFFF_FFFF_FFFF for argument in (*arguments, *[0] * (6 - len(arguments)))]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", program))
    register = place = 0
    while True:
        code, if_true, if_false, operand = instructions[place]
        place += 1
        match code:
            case 0x20:
                (register,) = struct.unpack_from("=I", data, operand)
            case 0x54:
                register &= operand
            case 0x15:
                place += if_true if register == operand else if_false
            case 0x35:
                place += if_true if register >= operand else if_false
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"No such instruction: {code:#x}")


def answer(machine: Machine, name: str, *arguments: int, guarded: Guarded | None = None) -> int:
    number = syscalls.number(name, machine)
    assert number is not None
    return decide(seccomp.program(machine, guarded), ARCHITECTURES[machine], number, *arguments)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("guarded", [None, GUARDED])
def test_every_listed_call_is_denied_and_every_other_of_the_first_five_hundred_allowed(
    machine: Machine, guarded: Guarded | None
) -> None:
    program = seccomp.program(machine, guarded)
    denied = {n for n in range(500) if decide(program, ARCHITECTURES[machine], n, 0, 0, 0, 0, 0, 0) != ALLOWED}

    listed = {syscalls.number(name, machine) for name in seccomp.DENIED} - {None}
    always = listed | {syscalls.number("clone3", machine), syscalls.number("socketpair", machine)}
    guards = {syscalls.number(name, machine) for name in ("tkill", "pidfd_send_signal")}
    assert denied == (always if guarded is None else always | guards)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("socket", (1, 1, 0), PERMISSION),
        ("socketpair", (1, 1, 0), ALLOWED),
        ("socketpair", (1, 1 | 0o2004000, 0), ALLOWED),
        ("socketpair", (1, 2, 0), PERMISSION),
        ("socketpair", (1, 5 | 0o2000000, 0), PERMISSION),
        ("socketpair", (30, 1, 0), PERMISSION),
        ("clone", (0x01200011,), ALLOWED),
        ("clone", (0x003D0F00,), ALLOWED),
        ("clone", (0x10000000 | 17,), PERMISSION),
        ("clone", (0x00020000,), PERMISSION),
        ("clone3", (0, 88), MISSING),
        ("prlimit64", (0, 7, 1, 1), ALLOWED),
        ("prlimit64", (77, 7, 1, 0), PERMISSION),
        ("setpriority", (0, 0, 5), ALLOWED),
        ("setpriority", (0, 77, 5), PERMISSION),
        ("ioprio_set", (1, 77, 0), PERMISSION),
        ("sched_setaffinity", (77, 8, 1), PERMISSION),
        ("kill", (77, 9), ALLOWED),
        ("ioctl", (0, 0x5401), ALLOWED),
    ],
)
def test_a_call_is_judged_by_its_arguments(
    machine: Machine, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    assert answer(machine, name, *arguments) == expected


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("kill", (77, 9), PERMISSION),
        ("kill", (-70, 9), PERMISSION),
        ("kill", (-1, 0), PERMISSION),
        ("kill", (0, 9), ALLOWED),
        ("kill", (78, 9), ALLOWED),
        ("kill", (0xFFFFFFFF_0000004D, 9), PERMISSION),
        ("tgkill", (77, 79, 9), PERMISSION),
        ("tgkill", (78, 78, 9), ALLOWED),
        ("rt_sigqueueinfo", (77, 9, 1), PERMISSION),
        ("rt_tgsigqueueinfo", (77, 77, 9, 1), PERMISSION),
        ("pidfd_send_signal", (5, 9, 0, 0), PERMISSION),
        ("tkill", (79, 9), PERMISSION),
        ("fcntl", (1, 8, 77), PERMISSION),
        ("fcntl", (1, 15, 1), PERMISSION),
        ("fcntl", (1, 4, 77), ALLOWED),
        ("ioctl", (1, 0x8901, 1), PERMISSION),
    ],
)
def test_a_guarded_process_is_out_of_every_signals_reach(
    machine: Machine, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    assert answer(machine, name, *arguments, guarded=GUARDED) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_by_another_architectures_table_end_the_process(machine: Machine) -> None:
    program = seccomp.program(machine)

    for architecture in (0x4000_0003, 0x4000_0028, *(code for name, code in ARCHITECTURES.items() if name != machine)):
        assert decide(program, architecture, 1) == KILLED


def test_the_second_table_of_x86_64_is_closed() -> None:
    assert decide(seccomp.program("x86_64"), ARCHITECTURES["x86_64"], 0x4000_0000 | 41) == PERMISSION
    assert decide(seccomp.program("x86_64"), ARCHITECTURES["x86_64"], 0x4000_0000 | 1) == PERMISSION
