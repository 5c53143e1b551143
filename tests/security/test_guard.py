"""The guard itself: a runner without one of its protections is told apart, and the machine is clean all the same."""

import os
from typing import Any

import pytest

from sandbox_lambda import kernel
from tests.security.attack import Attack, End
from tests.security.attacks import ATTACKS
from tests.security.guard import OWN, OWN_CONFINED, SHARED, Guard, Mode
from tests.security.judge import complaints, innocent_complaints

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not kernel.LINUX or os.geteuid() != 0, reason="Only root can clean up behind another uid."),
]

_BY_NAME = {attack.name: attack for attack in ATTACKS}

_LEAVES_A_FILE = Attack(
    name="file",
    threats=("T4",),
    code="open('/tmp/' + event['left'], 'w').close()",
    ends=End(result=None),
)
_FAILS = Attack(name="fails", threats=("T10",), code="import os\nos._exit(3)", ends=End(status="failed", result=None))
_SLEEPS = Attack(
    name="sleeps",
    threats=("T8",),
    code="import time\ntime.sleep(60)",
    ends=End(status="timed_out", result=None),
    limits={"wall_seconds": 0.4},
    patience=2.0,
)


@pytest.mark.parametrize(
    ("broken", "mode", "attack", "complaint"),
    [
        ("no-sweep", OWN, _BY_NAME["daemon"], "changed is ['processes'], not []"),
        ("no-sweep", SHARED, _BY_NAME["daemon-under-a-subreaper"], "changed is ['processes'], not []"),
        ("no-wipe", OWN, _LEAVES_A_FILE, "changed is ['leftovers'], not []"),
        ("no-deadline", OWN_CONFINED, _SLEEPS, "the runner's process silent for 2.0 s"),
        ("environment-kept", OWN_CONFINED, _BY_NAME["own-environment"], "the secrets stolen were ('environment',)"),
        ("open-to-inspection", SHARED, _BY_NAME["parent-environment"], "the secrets stolen were ('environment',)"),
        ("open-to-inspection", SHARED, _BY_NAME["parent-memory"], "the secrets stolen were ("),
        ("verdict-by-output", OWN_CONFINED, _FAILS, "status was succeeded, not failed"),
        ("raises", OWN_CONFINED, _FAILS, "the runner raised RuntimeError: broken"),
        ("ends", OWN_CONFINED, _FAILS, "the runner's process ended with 70: "),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "name", None),
)
def test_a_broken_runner_is_found_out_and_the_machine_is_clean(
    broken: str, mode: Mode, attack: Attack, complaint: str
) -> None:
    with Guard(mode, broken) as guard:
        report = guard.attack(attack.script, attack.limits, attack.follow_up, attack.patience, innocent=False)
        wrong = complaints(attack, guard, report)

    assert [line for line in wrong if line.startswith(complaint)] != [], wrong
    assert guard.left() == []


def test_a_fork_bomb_that_its_runner_does_not_end_is_ended_by_the_guard() -> None:
    bomb = _BY_NAME["fork-bomb-in-sessions"]
    with Guard(OWN, "no-kill") as guard:
        report = guard.attack(bomb.script, bomb.limits, patience=3.0, innocent=False)
        wrong = complaints(bomb, guard, report)
        running = guard.left()

    assert [line for line in wrong if line.startswith("changed is ['processes'], not []")] != [], wrong
    assert [what for what in running if what.startswith("process ")] != []
    assert guard.left() == []


def test_one_guard_leaves_the_others_alone() -> None:
    with Guard(OWN) as other:
        with Guard(SHARED) as guard:
            guard.attack("import os\nos.kill(os.getppid(), 9)", {}, patience=3.0)
            assert not guard.alive
        report = other.attack("print(1)", {})

    assert (report.died, report.outcome and report.outcome["stdout"]) == (None, "1\n")


@pytest.mark.parametrize(("name", "value"), [("status", "failed"), ("stdout", "forged\n"), ("result", {"note": 41})])
def test_an_innocent_run_that_ends_otherwise_is_a_complaint(name: str, value: Any) -> None:
    with Guard(OWN_CONFINED) as guard:
        innocent = guard.attack("", {}).innocent
    assert innocent is not None

    assert list(innocent_complaints(innocent)) == []
    [complaint] = innocent_complaints({**innocent, name: value})
    assert complaint.startswith(f"the innocent run's {name} was {value!r}, not ")
