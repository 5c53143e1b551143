"""What could lose data: things that hold it deleted or made anew, protection removed, retention cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, cast

from workbench.diff.data_tables import (
    DISABLED,
    GUARDIANS,
    HOLDINGS,
    NOUNS,
    PROTECTIONS,
    RESTORED,
    RETENTION,
    Guard,
    Holding,
)
from workbench.diff.model import ABSENT, Action, Forces, Path, ResourceChange, Risk, RiskKind
from workbench.diff.snapshot import Code, Entry, Hidden, Snapshot

RULES: Final = (
    "deleted",
    "replaced",
    "restored-over",
    "may-be-replaced",
    "protection-removed",
    "key-disabled",
    "retention-cut",
)
"""The names of the risks, the loudest first."""


def data_risks(changes: Sequence[ResourceChange], base: Snapshot | None, head: Snapshot | None) -> list[Risk]:
    """The risks to data among the changes of one stack, the loudest first."""
    before = base.by_urn() if base else dict[str, Entry]()
    after = head.by_urn() if head else dict[str, Entry]()
    gone = {change.urn for change in changes if change.action is Action.DELETE}
    found = chain.from_iterable(
        _risks(_Case(change, before.get(change.former_urn or change.urn), after.get(change.urn), gone, head is None))
        for change in changes
        if change.custom
    )
    return sorted(found, key=_place)


def _place(risk: Risk) -> tuple[int, int, str]:
    return RULES.index(risk.rule), _ORDER.get(risk.type, len(_ORDER)), risk.urn


_ORDER = {type_: place for place, type_ in enumerate(HOLDINGS)}


@dataclass(frozen=True)
class _Case:
    """One change, and the resource on both sides of it."""

    change: ResourceChange
    before: Entry | None
    after: Entry | None
    gone: set[str]
    """The URNs of all that is deleted."""
    dropped: bool
    """Whether the whole stack is gone from the checkout."""

    @property
    def title(self) -> str:
        return f"The {_noun(self.change.type)} {self.change.name}"

    @property
    def inputs(self) -> Mapping[str, Any]:
        """As they are deployed: what decides on a deletion."""
        return self.before.inputs if self.before else {}

    def risk(self, rule: str, message: str, remedy: str) -> Risk:
        change = self.change
        return Risk(RiskKind.DATA_LOSS, rule, change.urn, change.type, change.name, message, remedy)


def _noun(type_: str) -> str:
    holding = HOLDINGS.get(type_)
    return holding.noun if holding else NOUNS.get(type_, type_)


def _risks(case: _Case) -> Iterator[Risk]:
    change, holding = case.change, HOLDINGS.get(case.change.type)
    holds = holding is not None and holding.holds(case.inputs)
    match change.action:
        case Action.CREATE:
            return
        case Action.DELETE if holding and holds and not change.retained:
            yield _deleted(case, holding)
        case Action.DELETE:
            yield from _unguarded(case)
        case Action.REPLACE if holding and holds:
            yield _replaced(case, holding)
            # The new one's settings matter less than that the old one is gone.
            yield from _weaker(case, properties=not change.certain)
        case _:
            yield from _weaker(case)


def _deleted(case: _Case, holding: Holding) -> Risk:
    name = case.change.name
    if case.dropped:
        message = f"{case.title} is no longer in any program: nothing happens until somebody destroys the stack"
        return case.risk(
            "deleted",
            f"{message}, and then {holding.lost} would go with it{_softened(case, holding)}.",
            "Destroy the stack only once its data is saved, or not needed any more.",
        )
    return case.risk(
        "deleted",
        f"{case.title} would be deleted, and {holding.lost} with it{_softened(case, holding)}.",
        f'If it goes on under another name, give that one aliases=[pulumi.Alias(name="{name}")]; '
        "if not, save its data first.",
    )


def _replaced(case: _Case, holding: Holding) -> Risk:
    change = case.change
    wanted = Forces.YES if change.certain else Forces.MAY
    labels = list(
        dict.fromkeys(str(each.path[0]) for each in (*change.properties, *change.code) if each.forces is wanted)
    )
    cause = f", because {_listed(labels)} {'changes' if len(labels) == 1 else 'change'}" if labels else ""
    would = "would" if change.certain else "may"
    what = f"{case.title} {would} be made anew, empty{cause}"
    if change.retained:
        what += f": {holding.lost} would stay in the old one, which is no longer managed."
    else:
        what += f": {holding.lost} would be lost{_softened(case, holding)}."
    if not change.certain:
        return case.risk(
            "may-be-replaced",
            what,
            "See what `pulumi preview` says of it, which asks AWS's provider, before this is deployed.",
        )
    sources = [name for name in RESTORED if name in labels and case.after and case.after.inputs.get(name) is not None]
    if sources and not change.retained:
        return case.risk(
            "restored-over",
            f"{case.title} would be made anew from {_listed(sources)}: what was written since would be lost"
            f"{_softened(case, holding)}.",
            "Restore it beside the one that is there, and move over once it has all that it should.",
        )
    as_before = f"{_listed(labels)} as they were" if len(labels) > 1 else f"{_listed(labels) or 'it'} as it was"
    remedy = f"Leave {as_before}, or save the data and bring it into the new one."
    return case.risk("replaced", what, remedy)


def _softened(case: _Case, holding: Holding) -> str:
    refused = ["Pulumi refuses until protect is taken away"] if case.change.protected else []
    clauses = [*refused, *holding.softened(case.inputs)]
    return f"; {', and '.join(clauses)}" if clauses else ""


def _unguarded(case: _Case) -> Iterator[Risk]:
    """A protection that is deleted while what it protects stays."""
    said = GUARDIANS.get(case.change.type)
    if said is None or case.dropped or case.before is None:
        return
    guarded = set(case.before.dependencies)
    if not (guarded and guarded <= case.gone):
        yield case.risk("protection-removed", f"{case.title} would be deleted: {said}.", "Keep it.")


def _weaker(case: _Case, *, properties: bool = True) -> Iterator[Risk]:
    change = case.change
    lost = [*_options(case), *(_weakened(case, PROTECTIONS) if properties else [])]
    if lost:
        yield case.risk(
            "protection-removed",
            f"{case.title} is less protected: {_listed(lost)}.",
            "Leave it as it was until its data is saved, or not needed any more.",
        )
    if not properties:
        return
    if _weakened(case, DISABLED):
        yield case.risk(
            "key-disabled",
            f"{case.title} would be disabled: nothing that is encrypted under it can be read meanwhile.",
            "Disable it only once nothing is encrypted under it.",
        )
    if cut := _weakened(case, RETENTION):
        what = "what is older" if change.type in HOLDINGS else "what waits for longer"
        yield case.risk(
            "retention-cut",
            f"{case.title} keeps less: {_listed(cut)}, and {what} is lost for good.",
            "Leave it as it was until nobody needs what would be lost.",
        )


def _options(case: _Case) -> list[str]:
    """Which of Pulumi's own protections a resource that holds data loses."""
    if case.change.type not in HOLDINGS:
        return []
    return [f"{each.label} is taken away" for each in case.change.options if each.before is True]


def _weakened(case: _Case, guards: Mapping[str, Sequence[Guard]]) -> list[str]:
    if case.before is None or case.after is None:
        return []
    changed = [each.path for each in case.change.properties]
    found = list[str]()
    for guard in guards.get(case.change.type, ()):
        before, after = _value(case.before.inputs, guard), _value(case.after.inputs, guard)
        if (
            _touches(changed, guard.path)
            and ABSENT not in (before, after)
            and guard.is_weaker(_amount(before, guard), _amount(after, guard))
        ):
            found.append(_said(guard, before, after))
    return found


def _touches(changed: Sequence[Path], path: tuple[str, ...]) -> bool:
    return any(each[: len(path)] == path or path[: len(each)] == each for each in changed)


def _value(inputs: Mapping[str, Any], guard: Guard) -> Any:
    """The value a guard looks at, its default where the program gives none, ABSENT where it cannot be told."""
    value: Any = inputs
    for key in guard.path:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
        if isinstance(value, Hidden | Code) or (isinstance(value, str) and value.startswith("${")):
            return ABSENT
    return guard.default if value is None else value


def _amount(value: Any, guard: Guard) -> Any:
    return float("inf") if value in guard.unlimited else value


def _said(guard: Guard, before: Any, after: Any) -> str:
    if guard.unit:
        return f"{guard.label} was {_time(before, guard)} and is {_time(after, guard)}"
    if isinstance(after, bool):
        return f"{guard.label} is turned {'on' if after else 'off'}"
    return f"{guard.label} is taken away"


def _time(value: Any, guard: Guard) -> str:
    if value in guard.unlimited:
        return "for ever"
    said = _amount_of(value, guard.unit)
    if guard.unit != "seconds" or not isinstance(value, int | float) or value < _DAY or value % _DAY:
        return said
    return f"{said} ({_amount_of(int(value // _DAY), 'days')})"


_DAY = 24 * 60 * 60


def _amount_of(number: Any, unit: str) -> str:
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}"


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
