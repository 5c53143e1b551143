"""The whole comparison: two revisions checked out, every stack of both evaluated, compared, and priced."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.cost.estimate import Load, cost_change
from workbench.diff.compare import compared
from workbench.diff.evaluation import EvaluationError, evaluated
from workbench.diff.model import Diff, RiskKind, StackDiff, Status
from workbench.diff.revisions import Side, Sides, checked_out
from workbench.diff.snapshot import Snapshot
from workbench.errors import UserError, quoted
from workbench.project import ROOT, STATE, stack_names

_LOCKS = ("locks/service.txt", "locks/dev.txt")
"""What pins the packages that evaluate a stack, the service's own among them."""


def diff(
    base: str | None = None,
    head: str | None = None,
    stacks: Sequence[str] = (),
    *,
    load: Load | None = None,
    say: Callable[[str], None] = lambda _: None,
    root: Path = ROOT,
    state: Path = STATE,
) -> Diff:
    """What deploying `head` (default: the working tree) over `base` (default: origin/main) changes.

    Of these stacks, or of all that either side has. Raises UserError where a revision or a stack is missing or does
    not evaluate.
    """
    say("Checking out")
    with checked_out(base, head, root, state) as sides:
        say(f"Evaluating {sides.base.revision.label} and {sides.head.revision.label}")
        before, after = _snapshots(sides, stacks)
        say("Comparing")
        return Diff(
            base=sides.base.revision,
            head=sides.head.revision,
            stacks=[_priced(name, before.get(name), after.get(name), load) for name in sorted({*before, *after})],
            notes=[*sides.notes, *_other_packages(sides)],
        )


def fails_on(given: Sequence[str]) -> set[RiskKind]:
    """The kinds of risk in options such as `data-loss,access`. Raises UserError for any other."""
    words = [word.strip() for each in given for word in each.split(",") if word.strip()]
    known = [kind.value for kind in RiskKind]
    for word in words:
        if word not in known:
            raise UserError(f"--fail-on knows no {quoted(word)}: give {', '.join(known)}, or both with a comma.")
    return {RiskKind(word) for word in words}


def _snapshots(sides: Sides, stacks: Sequence[str]) -> tuple[Mapping[str, Snapshot], Mapping[str, Snapshot]]:
    there = {side.root: set(stack_names(side.root)) for side in (sides.base, sides.head)}
    every = set[str]().union(*there.values())
    for name in stacks:
        if name not in every:
            known = ", ".join(sorted(every)) or "none"
            raise UserError(f"There is no stack named {quoted(name)} on either side: choose one of {known}.")
    wanted = {root: sorted(names & set(stacks) if stacks else names) for root, names in there.items()}
    try:
        # The key is forgotten with the process: from a digest nobody can find the secret by trying.
        found = evaluated(wanted, secrets.token_bytes(32))
    except EvaluationError as error:
        failed = sides.base if error.root == sides.base.root else sides.head
        raise UserError(f"{_place(failed)}: {error}") from None
    return found[sides.base.root], found[sides.head.root]


def _place(side: Side) -> str:
    commit = f" ({side.revision.commit[:10]})" if side.revision.commit else ""
    return f"In {side.revision.label}{commit}"


def _priced(name: str, before: Snapshot | None, after: Snapshot | None, load: Load | None) -> StackDiff:
    found = compared(name, before, after)
    if found.status is Status.UNCHANGED:
        return found
    return replace(found, cost=cost_change(before, after, load))


def _other_packages(sides: Sides) -> list[str]:
    """A note where the sides pin other packages: both are evaluated with what is installed here."""
    changed = [lock for lock in _LOCKS if _content(sides.base.root / lock) != _content(sides.head.root / lock)]
    if not changed:
        return []
    note = (
        f"{' and '.join(changed)} differ: both sides were evaluated with the packages installed here, so what another "
        "version of them would register is not seen."
    )
    return [note]


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
