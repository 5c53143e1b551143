"""What may be done after a change and could not be before, and the reverse: the policies of two sides, by holder."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from workbench.diff.findings import ANY_RESOURCE, CANNOT_BE_JUDGED, IAM_WIDENED, PUBLIC_PRINCIPAL, Finding
from workbench.diff.holders import Holder, Side, clauses, listed, short
from workbench.diff.iam_documents import Held, held
from workbench.diff.iam_places import Aspect
from workbench.diff.model import StatementChange
from workbench.diff.patterns import is_anything
from workbench.diff.statements import Statement, merged, principal_shown, uncovered

_WHO = (
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
)
"""The keys with which a statement for everybody is not public (S3 User Guide, "The meaning of public")."""

_ORDER = [*Aspect]

_BROAD = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "FullAccess")
"""How the names of AWS's own policies end that allow all actions of a service on any resource."""


def iam(before: Side, after: Side, changed: Set[str]) -> tuple[list[StatementChange], list[Finding]]:
    """The statements that differ, and what in them widens. `changed` are the URNs of what changes at all."""
    groups = _groups(before, after)
    rows = [row for group in groups for row in _rows(group, changed)]
    rows.sort(key=lambda row: (row.holder, not row.added, row.urn, row.effect, row.actions, row.resources))
    parts = [part for group in groups for part in _clauses(group, changed)]
    findings = [finding for group in groups for finding in (*_unjudged(group), *_limit_removed(group))]
    return [*dict.fromkeys(rows)], [*_sentences(parts), *findings]


@dataclass(frozen=True)
class _Group:
    """The policies of one holder that are of one aspect, on both sides."""

    holder: Holder
    aspect: Aspect
    before: Sequence[Held]
    after: Sequence[Held]
    is_new: bool
    is_gone: bool
    sides: tuple[Side, Side]


def _groups(before: Side, after: Side) -> list[_Group]:
    sides = (held(before), held(after))
    found: dict[tuple[str, Aspect], tuple[list[Held], list[Held]]] = {}
    for index, policies in enumerate(sides):
        for each in policies:
            found.setdefault((each.holder.key, each.aspect), ([], []))[index].append(each)
    attached = {each.sources[0].key for policies in sides for each in policies if len(each.sources) > 1}
    groups: list[_Group] = []
    for (key, aspect), (old, new) in sorted(found.items(), key=lambda item: (item[0][0], _ORDER.index(item[0][1]))):
        holder = (new or old)[0].holder
        if aspect is Aspect.IDENTITY and key in attached:
            # Attached on one side only: what it allows is compared where it is attached.
            continue
        known = holder.entry is not None
        groups.append(
            _Group(
                holder,
                aspect,
                old,
                new,
                is_new=known and key not in before.by_key,
                is_gone=known and key not in after.by_key,
                sides=(before, after),
            )
        )
    return groups


def _rows(group: _Group, changed: Set[str]) -> Iterator[StatementChange]:
    for added, policies, others in ((True, group.after, group.before), (False, group.before, group.after)):
        for source, statements in _only_in(policies, others, changed):
            for each in merged(statements):
                yield StatementChange(
                    added=added,
                    urn=source.key,
                    holder=group.holder.name,
                    effect="Allow" if each.allows else "Deny",
                    actions=tuple(each.actions.shown()),
                    resources=tuple(each.resources.shown()),
                    principals=tuple(principal_shown(text) for text in each.principals.shown()),
                    conditions=tuple(condition.label for condition in each.conditions),
                )
        for each in policies:
            if each.managed and each.managed not in [other.managed for other in others]:
                effect = "Managed policy" if group.aspect is Aspect.ATTACHED else "Boundary"
                yield StatementChange(added, each.sources[0].key, group.holder.name, effect, (), (each.managed,))


def _only_in(
    policies: Sequence[Held], others: Sequence[Held], changed: Set[str]
) -> Iterator[tuple[Holder, list[Statement]]]:
    """The statements that only one side has, by the resource to look at."""
    there = {statement for each in others for statement in each.statements}
    found: dict[Statement, Holder] = {}
    for each in policies:
        source = next((one for one in each.sources if one.key in changed), each.sources[0])
        for statement in each.statements:
            if statement not in there:
                found.setdefault(statement, source)
    by_source: dict[str, tuple[Holder, list[Statement]]] = {}
    for statement, source in found.items():
        by_source.setdefault(source.key, (source, []))[1].append(statement)
    yield from by_source.values()


@dataclass(frozen=True)
class _Clause:
    """A part of a sentence about one holder: `sqs:SendMessage on runs`, after `worker-role may now`."""

    rule: str
    about: Holder
    start: str
    text: str


def _clauses(group: _Group, changed: Set[str]) -> Iterator[_Clause]:
    if group.is_gone or (group.aspect is Aspect.LIMIT and (group.is_new or not (group.before and group.after))):
        return
    had = [statement for each in group.before for statement in each.statements]
    has = [statement for each in group.after for statement in each.statements]
    for source, statements in _only_in(group.after, group.before, changed):
        wider = uncovered([each for each in statements if each.allows], had)
        for rule, several in _by_rule(group.aspect, wider).items():
            for each in merged(several):
                yield _clause(group, rule, source, *_said(group, each))
    for source, statements in _only_in(group.before, group.after, changed):
        for each in merged(uncovered([each for each in statements if not each.allows], has)):
            yield _clause(group, IAM_WIDENED, source, *_said(group, each))
    if group.aspect is Aspect.ATTACHED:
        for each in group.after:
            if each.managed and each.managed not in [other.managed for other in group.before]:
                name = _policy(each.managed)
                rule = ANY_RESOURCE if ":aws:policy/" in each.managed and name.endswith(_BROAD) else IAM_WIDENED
                yield _clause(group, rule, each.sources[0], _may(group), f"do all that the policy {name} allows")


def _clause(group: _Group, rule: str, source: Holder, start: str, text: str) -> _Clause:
    return _Clause(rule, group.holder if group.is_new else source, start, text)


def _by_rule(aspect: Aspect, statements: Iterable[Statement]) -> Mapping[str, list[Statement]]:
    found: dict[str, list[Statement]] = {}
    for statement in statements:
        found.setdefault(_rule(aspect, statement), []).append(statement)
    return found


def _rule(aspect: Aspect, statement: Statement) -> str:
    if aspect in (Aspect.RESOURCE, Aspect.TRUST):
        everybody = statement.principals.excepted or "*" in statement.principals.patterns
        narrowed = any(condition.narrows_who(_WHO) for condition in statement.conditions)
        return PUBLIC_PRINCIPAL if everybody and not narrowed else IAM_WIDENED
    anything = statement.resources.excepted or any(map(is_anything, statement.resources.patterns))
    unbounded = aspect is Aspect.IDENTITY and anything and not statement.conditions
    return ANY_RESOURCE if unbounded else IAM_WIDENED


def _said(group: _Group, statement: Statement) -> tuple[str, str]:
    """How a sentence on a statement begins, and what it says of this one."""
    name = group.holder.name
    actions = listed(statement.actions.shown())
    where = _where(statement)
    on = listed([_resource(each) for each in statement.resources.shown()])
    who = listed([_person(each) for each in statement.principals.shown()])
    match group.aspect:
        case Aspect.TRUST if statement.allows:
            assumes = all(each.lower().startswith("sts:assumerole") for each in statement.actions.patterns)
            return _may(group), f"be taken by {who}{where}" if assumes else f"be used by {who} for {actions}{where}"
        case Aspect.TRUST:
            return f"{name} no longer turns away ", f"{who}{where}"
        case Aspect.RESOURCE:
            target = group.holder.as_new if group.is_new else name
            now = "may" if group.is_new else "may now"
            return (
                "",
                f"{who} {now if statement.allows else 'no longer meets a denial of'} {actions} on {target}{where}",
            )
        case Aspect.LIMIT:
            verb = "now lets through" if statement.allows else "no longer stops"
            return f"the policy of {name}, which is a limit, {verb} ", f"{actions} on {on}{where}"
        case _:
            start = _may(group) if statement.allows else f"{name} no longer meets a denial of "
            return start, f"{actions} on {on}{where}"


def _may(group: _Group) -> str:
    return f"{group.holder.as_new} may " if group.is_new else f"{group.holder.name} may now "


def _where(statement: Statement) -> str:
    count = len(statement.conditions)
    return f" under {count} condition{'s' if count > 1 else ''}" if count else ""


def _resource(text: str) -> str:
    return "any resource" if is_anything(text) else short(text)


def _person(text: str) -> str:
    name = principal_shown(text)
    if root := re.fullmatch(r"arn:[a-z-]+:iam::(\d{12}):root", name):
        return f"the account {root[1]}"
    return "anybody" if name == "*" else name


def _sentences(parts: Sequence[_Clause]) -> Iterator[Finding]:
    """One sentence for what one rule found at one resource in one manner."""

    def alike(clause: _Clause) -> tuple[str, str, str]:
        return clause.about.key, clause.rule, clause.start

    for (_, rule, start), group in groupby(sorted(parts, key=alike), key=alike):
        several = [*group]
        text = start + clauses([each.text for each in several])
        yield Finding(rule, several[0].about, text)


def _unjudged(group: _Group) -> Iterator[Finding]:
    """A policy that cannot be read and is not the one of before."""
    if group.is_gone:
        return
    before = [each for each in group.before if each.unreadable is not None]
    after = [each for each in group.after if each.unreadable is not None]
    for these, others in ((after, before), (before, after)):
        for each in these:
            if each.unreadable not in [other.unreadable for other in others]:
                source = each.sources[-1]
                text = f"the policy {source.name} of {group.holder.name} differs, and it is secret or not known yet"
                yield Finding(CANNOT_BE_JUDGED, source, text)
                return


def _limit_removed(group: _Group) -> Iterator[Finding]:
    """A limit of something that stays which is taken away, or exchanged for one that may be wider."""
    if group.is_gone or group.is_new or not group.before:
        return
    name, source = group.holder.name, group.before[0].sources[0]
    if group.aspect is Aspect.LIMIT and not group.after:
        text = f"the policy of {name} is removed, and with it the limit of what may be done through it"
        yield Finding(IAM_WIDENED, source, text)
    if group.aspect is Aspect.BOUNDARY:
        former, now = group.before[0].managed, group.after[0].managed if group.after else ""
        if now != former and not (now and _is_within(group, former, now)):
            change = f"is now {_policy(now)}" if now else "is removed"
            text = f"the permissions boundary of {name}, {_policy(former)}, {change}"
            yield Finding(IAM_WIDENED, source, text)


def _policy(managed: str) -> str:
    """The name of a managed policy, of which the ARN is known, or the URN."""
    return managed.rpartition("::")[2] if managed.startswith("urn:") else short(managed).rpartition("/")[2]


def _is_within(group: _Group, former: str, now: str) -> bool:
    """Whether one boundary of the stack's allows nothing that another one does not."""
    limits = [
        [statement for each in held(side) if each.holder.key == key for statement in each.statements]
        for side, key in zip(group.sides, (former, now), strict=True)
    ]
    known = all(key in side.by_key for side, key in zip(group.sides, (former, now), strict=True))
    old, new = limits
    wider = uncovered([each for each in new if each.allows], old)
    weaker = uncovered([each for each in old if not each.allows], new)
    return known and not wider and not weaker
