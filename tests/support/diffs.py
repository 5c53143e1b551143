"""Compares two programs offline, and says in lines what was found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.support.evaluation import ACCOUNT, REGION
from workbench.diff.compare import compared
from workbench.diff.model import ResourceChange, StackDiff
from workbench.diff.snapshot import Snapshot, secrets_of, snapshot_of
from workbench.evaluate import evaluate
from workbench.manifest import Manifest
from workbench.placeholders import Placeholders

Program = Callable[[], object]

_KEY = b"the same for both sides"


def snapshot(program: Program, config: Mapping[str, str] | None = None, secret_keys: Sequence[str] = ()) -> Snapshot:
    """What `program` registers in the stack `test` of the project `plinth`, as it is compared."""
    return snapshot_of(registered_by(program, config, secret_keys), REGION, _KEY)


def difference(before: Program, after: Program) -> StackDiff:
    """What changes when `after` is deployed over `before`."""
    base, head = registered_by(before), registered_by(after)
    secrets = {*secrets_of(base), *secrets_of(head)}
    sides = (snapshot_of(manifest, REGION, _KEY, others=secrets) for manifest in (base, head))
    return compared("test", *sides)


def registered_by(
    program: Program, config: Mapping[str, str] | None = None, secret_keys: Sequence[str] = ()
) -> Manifest:
    """The manifest of a program, with its secrets."""

    def run() -> None:
        program()

    values = {"aws:region": REGION, "plinth:accountId": ACCOUNT, **(config or {})}
    return evaluate(run, Placeholders(REGION, ACCOUNT), stack_name="test", config=values, secret_keys=list(secret_keys))


def change_lines(diff: StackDiff) -> list[str]:
    """Each change as `action type name: properties`, in the order of the diff; `replace?` where it only may be one.

    A property that forces the replacement has a `!`, one that may a `?`. Archives are `path@`; options come last in
    brackets. Components are left out. A rename that is also another action has `renamed` before it.
    """
    return [_line(change) for change in diff.changes if change.custom]


def risk_lines(diff: StackDiff) -> list[str]:
    """Each risk as `kind rule name`, in the order of the diff."""
    return [f"{risk.kind} {risk.rule} {risk.name}" for risk in diff.risks]


_MARKS: Mapping[str, str] = {"no": "", "may": "?", "yes": "!"}


def _line(change: ResourceChange) -> str:
    action = change.action if change.certain else f"{change.action}?"
    renamed = "renamed " if change.former_urn and change.action != "rename" else ""
    whole = change.action in ("create", "delete")
    paths = [] if whole else [f"{each.label}{_MARKS[each.forces]}" for each in change.properties]
    code = [] if whole else [f"{'.'.join(map(str, each.path))}@" for each in change.code]
    options = [f"[{each.label}]" for each in change.options]
    said = ", ".join([*dict.fromkeys([*paths, *code]), *options])
    return f"{renamed}{action} {change.type} {change.name}" + (f": {said}" if said else "")


def shown_case(diff: StackDiff) -> dict[str, Any]:
    """What a case of the corpus expects: its whole classification."""
    return {"changes": change_lines(diff), "risks": risk_lines(diff)}
