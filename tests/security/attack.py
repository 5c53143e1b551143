"""What a row of the table of attacks says: a script, the threat it stands for, and the end that it must come to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

THREATS: Final[Mapping[str, str]] = {
    "T1": "credentials in the environment",
    "T2": "reading the runner",
    "T3": "the runtime API",
    "T4": "reuse and survival",
    "T5": "egress",
    "T6": "DNS",
    "T7": "the function's role",
    "T8": "exhaustion",
    "T9": "output",
    "T10": "forged results",
    "T11": "parsers",
    "T12": "language tricks",
    "T13": "denial of wallet",
    "T14": "killing or stopping the runner",
    "T15": "other runs' data",
    "T16": "kernel attack surface",
    "T17": "the control plane's rights",
}

PRELUDE = """\
import os
result = {}

def attempt(deed):
    try:
        got = deed()
    except BaseException:
        return
    if got:
        result[deed.__name__] = str(got)[:99]

def find(data):
    data = data.encode(errors="replace") if isinstance(data, str) else bytes(data)
    mark = event["mark"].encode()
    at = data.find(mark)
    while at >= 0:
        token = data[at + len(mark):at + len(mark) + 32]
        if len(token) == 32 and all(byte in b"0123456789abcdef" for byte in token):
            return (mark + token).decode()
        at = data.find(mark, at + 1)

def names_left(*more):
    found = []
    for folder in (".", "/tmp", "/var/tmp", "/dev/shm", *more):
        try:
            found += [name for name in os.listdir(folder) if event["left"] in name]
        except OSError:
            pass
    return found

def read(path):
    with open(path, "rb") as file:
        return find(file.read(1 << 20))

"""
"""What a script that uses `attempt` begins with. Each deed that gets hold of anything tells so in `result`."""

ANYTHING = re.compile(r"[\s\S]*")


@dataclass(frozen=True, kw_only=True)
class End:
    """How a run must end. The defaults are those of a script that tried much and got nothing."""

    status: str = "succeeded"
    """One, or several divided by `|` where the kernel's timing decides."""

    exit_code: int | None = None
    """Checked where it is given."""

    signal: int | None = None
    """Checked where it is given."""

    result: Any = field(default_factory=dict[str, Any])
    """The exact result; a pattern matches its `str`."""

    stdout: str | re.Pattern[str] = ""
    stderr: str | re.Pattern[str] = ""
    truncated: tuple[str, ...] = ()
    """Exactly these of stdout, stderr and result."""

    then: Any = field(default_factory=dict[str, Any])
    """The result of the script that looks for what the first one left."""


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """What an attack does get where a protection is missing. Asserted, so that the table stays true."""

    unless: tuple[str, ...]
    """Any of these protections stops it: own_user, seccomp, landlock, landlock_tcp, landlock_scope."""

    reason: str
    remains: str
    """The counter that still holds."""

    loot: bool = False
    """Whether its `result` tells of something that it got."""

    left: bool = False
    """Whether the script that looks for what the first one left finds something."""

    contacts: bool = False
    """Whether it reaches a listener of the bait."""

    changed: tuple[str, ...] = ()
    """What of the runner's surroundings is no longer as it was."""

    stolen: tuple[str, ...] = ()
    """Which secrets it gets to see."""

    kills_the_runner: bool = False
    ends: End | None = None


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A script that tries really hard."""

    name: str
    threats: tuple[str, ...]
    code: str
    ends: End = field(default_factory=End)
    then: str | None = None
    """A second script, run next in the same place, that looks for what the first one left."""

    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    weaker: tuple[Weakness, ...] = ()
    bites: bool = False
    """Whether it gets something from a runner without any protection (see `naive` in guarded.py)."""

    leaves_loopback: str = ""
    """Why it would send packets to the world where nothing stops it: tried only where seccomp does."""

    patience: float = 12.0
    """Seconds until the guard takes the runner for stuck."""

    def weakness(self, protections: frozenset[str]) -> Weakness | None:
        return next((weakness for weakness in self.weaker if not protections & set(weakness.unless)), None)

    @property
    def script(self) -> str:
        return PRELUDE + self.code if "attempt" in self.code else self.code

    @property
    def follow_up(self) -> str | None:
        return self.then and (PRELUDE + self.then if "attempt" in self.then else self.then)
