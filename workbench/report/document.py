"""A difference as JSON, for programs: `plinth diff --format json`."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.diff.model import (
    ABSENT,
    CodeChange,
    CostChange,
    CostLine,
    Diff,
    PropertyChange,
    ResourceChange,
    Revision,
    Risk,
    RuleChange,
    StackDiff,
    StatementChange,
)
from workbench.report.sentences import verdict
from workbench.report.values import encodable, shown

FORMAT = 1
"""Counted up where a program that reads the document would have to change. New fields do not count."""


def document(diff: Diff) -> dict[str, Any]:
    """The whole difference.

    Every field is always there, but for `before` and `after` of a property that is not there on that side. A secret is
    `"[secret]"`, an archive `{"archive": digest}`. Fields, by the path to them:

    - `format`: 1.
    - `verdict`: whether this can hurt, as one line for people.
    - `base`, `head`: `label`, what was asked for; `commit`, its full id, or null for the working tree.
    - `stacks[]`: every stack, by name, those that do not change too.
      - `stack`; `status`: `unchanged`, `changed`, `added` or `removed`.
      - `counts`: how many resources each action meets, components left out:
        `create`, `update`, `replace`, `delete`, `rename`.
      - `risks[]`: what a reviewer must not miss, data first. `kind`: `data-loss` or `access`; `rule`, a stable name;
        `urn`, `type`, `name`; `message` and `remedy`, a sentence each, the latter may be empty.
      - `statements[]`: what may be done now and could not before, or the reverse. `added`; `urn`, `holder`: whose
        policy it is; `effect`; `actions`, `resources`, `principals`, `conditions`: lists of texts.
      - `rules[]`: rules of security groups. `added`, `urn`, `group`, `direction` (`in`, `out`), `protocol`, `ports`,
        `peer`.
      - `cost`: null where nothing was estimated, else USD a month: `idle_before`, `idle_after`, `load_before`,
        `load_after`; `load`, `prices`, `notes`: what was assumed; `lines[]`: what differs: `component`, `item` and the
        same four amounts.
      - `changes[]`: what deletes and replaces first. `action`: `create`, `update`, `replace`, `delete` or `rename`;
        `certain`: false where it only may be replaced; `urn`, `type`, `name`; `components`: names of those it is in,
        the outermost first; `former_urn`: null, or what an alias says it was called; `because_of`: URNs of what is
        replaced and changes an id held here; `protected`, `retained`: as they were in the base; `custom`: false for a
        component.
        - `properties[]`, `options[]`: `path`, a list of keys and positions; `label`, the same as one text; `before`,
          `after`; `forces`: `no`, `may` or `yes`, whether this change makes the resource anew; `source`: who says so.
        - `code[]`: `path`; `added`, `changed`, `removed`: names of files; `packages`: by name, `before` and `after`,
          null where there is none; `unknown`: whether nothing says how the content changed; `forces` and `source`, as
          of properties.
      - `outputs[]`: as `properties[]`.
      - `hints[]`: advice, a sentence each.
    - `notes[]`: what holds for the whole comparison, a sentence each.
    """
    return {
        "format": FORMAT,
        "verdict": verdict(diff),
        "base": _revision(diff.base),
        "head": _revision(diff.head),
        "stacks": [_stack(stack) for stack in diff.stacks],
        "notes": shown(diff.notes),
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {"label": encodable(revision.label), "commit": revision.commit}


def _stack(stack: StackDiff) -> dict[str, Any]:
    return {
        "stack": encodable(stack.stack),
        "status": stack.status.value,
        "counts": {action.value: number for action, number in stack.counts().items()},
        "risks": [_risk(risk) for risk in stack.risks],
        "statements": [_statement(statement) for statement in stack.statements],
        "rules": [_rule(rule) for rule in stack.rules],
        "cost": _cost(stack.cost) if stack.cost else None,
        "changes": [_change(change) for change in stack.changes],
        "outputs": [_property(output) for output in stack.outputs],
        "hints": shown(stack.hints),
    }


def _risk(risk: Risk) -> dict[str, Any]:
    return _texts(
        kind=risk.kind.value,
        rule=risk.rule,
        urn=risk.urn,
        type=risk.type,
        name=risk.name,
        message=risk.message,
        remedy=risk.remedy,
    )


def _texts(**texts: str) -> dict[str, Any]:
    return {name: encodable(text) for name, text in texts.items()}


def _statement(statement: StatementChange) -> dict[str, Any]:
    return {
        "added": statement.added,
        **_texts(urn=statement.urn, holder=statement.holder, effect=statement.effect),
        "actions": shown(statement.actions),
        "resources": shown(statement.resources),
        "principals": shown(statement.principals),
        "conditions": shown(statement.conditions),
    }


def _rule(rule: RuleChange) -> dict[str, Any]:
    return {
        "added": rule.added,
        **_texts(
            urn=rule.urn,
            group=rule.group,
            direction=rule.direction,
            protocol=rule.protocol,
            ports=rule.ports,
            peer=rule.peer,
        ),
    }


def _cost(cost: CostChange) -> dict[str, Any]:
    return {
        **_amounts(cost),
        **_texts(load=cost.load, prices=cost.prices),
        "notes": shown(cost.notes),
        "lines": [{**_texts(component=line.component, item=line.item), **_amounts(line)} for line in cost.lines],
    }


def _amounts(cost: CostChange | CostLine) -> dict[str, Any]:
    return {
        "idle_before": cost.idle_before,
        "idle_after": cost.idle_after,
        "load_before": cost.load_before,
        "load_after": cost.load_after,
    }


def _change(change: ResourceChange) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "certain": change.certain,
        **_texts(urn=change.urn, type=change.type, name=change.name),
        "components": shown(change.component),
        "former_urn": None if change.former_urn is None else encodable(change.former_urn),
        "properties": [_property(each) for each in change.properties],
        "options": [_property(each) for each in change.options],
        "code": [_code(each) for each in change.code],
        "because_of": shown(change.because_of),
        "protected": change.protected,
        "retained": change.retained,
        "custom": change.custom,
    }


def _property(change: PropertyChange) -> dict[str, Any]:
    sides: Mapping[str, Any] = {"before": change.before, "after": change.after}
    return {
        "path": shown(change.path),
        "label": encodable(change.label),
        **{side: shown(value) for side, value in sides.items() if value is not ABSENT},
        "forces": change.forces.value,
        "source": encodable(change.source),
    }


def _code(code: CodeChange) -> dict[str, Any]:
    packages: Mapping[str, Sequence[str | None]] = code.packages
    return {
        "path": shown(code.path),
        "added": shown(code.added),
        "changed": shown(code.changed),
        "removed": shown(code.removed),
        "packages": {
            encodable(name): {"before": shown(before), "after": shown(after)}
            for name, (before, after) in packages.items()
        },
        "unknown": code.unknown,
        "forces": code.forces.value,
        "source": encodable(code.source),
    }
