"""Every attack against the runner, under each set of protections: none gets more than the table says."""

import os
from collections.abc import Callable

import pytest

from tests.security.attack import Attack
from tests.security.attacks import ATTACKS, BY_AIM
from tests.security.guard import NAIVE, OWN, OWN_CONFINED, SHARED, SHARED_CONFINED, Guard, Mode
from tests.security.judge import complaints, innocent_complaints

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(
        os.geteuid() != 0,
        reason="Only root can give attacks a uid that nothing else has, tell what is theirs, and clean up behind them.",
    ),
]

MODES = (OWN_CONFINED, OWN, SHARED_CONFINED, SHARED)
STRONGEST_AND_WEAKEST = (OWN_CONFINED, SHARED)

INDEPENDENT = ("forging", "parsing", "exhausting")
"""Aims against which neither a uid nor a filter of the kernel is a counter."""

CASES = [
    pytest.param(attack, mode, id=f"{aim}-{attack.name}-{mode.name}")
    for aim, attacks in BY_AIM.items()
    for attack in attacks
    for mode in (STRONGEST_AND_WEAKEST if aim in INDEPENDENT and not attack.weaker else MODES)
]


@pytest.mark.parametrize(("attack", "mode"), CASES)
def test_an_attack_gets_nothing_and_harms_nobody(attack: Attack, mode: Mode, guards: Callable[[Mode], Guard]) -> None:
    guard = guards(mode)
    if mode.confined and not guard.protections & {"seccomp", "landlock"}:
        pytest.skip("This kernel offers neither seccomp nor Landlock: the run would be like one without confinement.")
    if attack.leaves_loopback and "seccomp" not in guard.protections:
        pytest.skip(f"{attack.leaves_loopback} Its network is asserted from the manifest.")

    report = guard.attack(attack.script, attack.limits, attack.follow_up, attack.patience)

    wrong = complaints(attack, guard, report)
    if wrong or report.changed:
        guard.close()
    if not guard.alive:
        wrong += [f"left behind: {what}" for what in guard.left()]
        wrong += innocent_complaints(guards(mode).attack("", {}).innocent)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("attack", [pytest.param(a, id=a.name) for a in ATTACKS if a.bites])
def test_an_attack_does_get_something_where_nothing_protects(attack: Attack, guards: Callable[[Mode], Guard]) -> None:
    guard = guards(NAIVE)

    report = guard.attack(attack.script, {"wall_seconds": 1.0}, attack.follow_up, attack.patience, innocent=False)

    guard.close()
    assert report.died or report.stolen or report.contacts or report.changed or (report.outcome or {}).get("result")
    assert guard.left() == []


def test_there_are_many_attacks_and_each_has_a_name_of_its_own() -> None:
    names = [attack.name for attack in ATTACKS]

    assert len(names) >= 100
    assert sorted(set(names)) == sorted(names)
