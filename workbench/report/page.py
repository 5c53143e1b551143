"""A difference as one HTML file: it loads nothing, runs nothing, and reads on a phone, in the dark and on paper."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as Tree

from workbench.diff.model import Action, Diff, ResourceChange, RiskKind, StackDiff, Status
from workbench.graph import svg
from workbench.graph.elements import Content, element
from workbench.graph.picture import picture_of_both
from workbench.report import alike, sentences
from workbench.report.page_changes import changes_of, outputs_of
from workbench.report.page_tables import cost_of, rules_of, section, statements_of, table
from workbench.report.values import named

_FEW_RISKS: Final = 12
"""So many are open at once; of more, the rest is folded."""


def page(diff: Diff) -> str:
    """The whole document."""
    sheet = svg.style() + (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    document = element(
        "html",
        {"lang": "en"},
        element(
            "head",
            None,
            element("meta", {"charset": "utf-8"}),
            element("meta", {"http-equiv": "Content-Security-Policy", "content": _policy(sheet)}),
            element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            element("meta", {"name": "referrer", "content": "no-referrer"}),
            element("meta", {"name": "color-scheme", "content": "light dark"}),
            element("title", None, f"plinth diff: {' to '.join(sentences.sides(diff))}"),
            _style(sheet),
        ),
        element("body", None, _top(diff), element("main", None, *_main(diff)), _foot()),
    )
    return "<!DOCTYPE html>\n" + Tree.tostring(document, encoding="unicode", method="html") + "\n"


def _policy(sheet: str) -> str:
    """What a browser may do for this file: nothing but apply its own style sheet."""
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _style(sheet: str) -> Tree.Element:
    made = Tree.Element("style")
    made.text = sheet
    return made


def _top(diff: Diff) -> Tree.Element:
    base, head = sentences.sides(diff)
    kinds = {risk.kind for risk in diff.risks()}
    grade = "danger" if RiskKind.DATA_LOSS in kinds else "warning" if kinds else "calm"
    return element(
        "header",
        {"class": f"top {grade}"},
        element("p", {"class": "brand"}, "plinth diff"),
        element("h1", None, sentences.verdict(diff)),
        element(
            "p",
            {"class": "sides"},
            element("code", None, base),
            element("span", {"class": "to"}, " \u2192 "),
            element("code", None, head),
        ),
    )


def _foot() -> Tree.Element:
    said = (
        "Both revisions were evaluated offline, without credentials: what is shown is what the programs register, "
        "not what is deployed. A value in ${\u2026} is known only once it is deployed."
    )
    return element("footer", None, element("p", None, said))


def _main(diff: Diff) -> Iterator[Tree.Element]:
    anchors = {
        (stack.stack, change.urn): f"stack{number}-change{index}"
        for number, stack in enumerate(diff.stacks)
        for index, change in enumerate(sentences.listed(stack))
    }
    for kind in RiskKind:
        if found := alike.risks(diff.stacks, kind):
            yield _risks(kind, found, anchors)
    if diff.stacks:
        yield _summary(diff.stacks)
    if diff.notes:
        yield element("ul", {"class": "notes"}, *(element("li", None, sentences.message(note)) for note in diff.notes))
    for number, stack in enumerate(diff.stacks):
        if stack.status is not Status.UNCHANGED:
            yield _stack(number, stack, anchors)


def _risks(kind: RiskKind, found: Sequence[alike.Risks], anchors: Mapping[tuple[str, str], str]) -> Tree.Element:
    cards = [_risk(each, anchors) for each in found]
    number, rest = sum(each.number for each in found), cards[_FEW_RISKS:]
    more = sum(each.number for each in found[_FEW_RISKS:])
    return element(
        "section",
        {"class": f"risks {kind}"},
        element("h2", None, f"{sentences.RISK_TITLES[kind].capitalize()}: {number:,}"),
        element("ul", None, *cards[:_FEW_RISKS]),
        element("details", None, element("summary", None, f"{more:,} more"), element("ul", None, *rest))
        if rest
        else None,
    )


def _risk(each: alike.Risks, anchors: Mapping[tuple[str, str], str]) -> Tree.Element:
    risk, stacks = each.risk, (*each.stacks, *each.likewise)
    anchor = next((anchors[stack, risk.urn] for stack in stacks if (stack, risk.urn) in anchors), None)
    return element(
        "li",
        None,
        element("p", {"class": "message"}, sentences.message(risk.message)),
        element("p", {"class": "message"}, each.same) if each.others else None,
        element("p", {"class": "remedy"}, each.remedy) if each.remedy else None,
        element(
            "p",
            {"class": "where"},
            *(element("span", {"class": "chip"}, named(stack)) for stack in each.stacks),
            *(element("span", {"class": "chip"}, f"likewise {named(stack)}") for stack in each.likewise),
            element("code", None, named(risk.type)),
            " ",
            element("span", {"class": "rule"}, named(risk.rule)),
            element("a", {"href": f"#{anchor}"}, "see the change") if anchor else None,
        ),
    )


def _summary(stacks: Sequence[StackDiff]) -> Tree.Element:
    costs = bool(sentences.cost_moved(stacks))
    heads = ["Stack", "Data at risk", "Access", *(action.capitalize() for action in sentences.WORST_FIRST)]
    if costs:
        heads += ["USD a month, idle"]
    rows = [_summary_row(number, stack, costs=costs) for number, stack in enumerate(stacks)]
    # A phone has room for three columns or four.
    kept = [at for at in range(len(heads)) if at == 0 or any(not _is_empty(row[at]) for row in rows)]
    return table("summary", [heads[at] for at in kept], [[row[at] for at in kept] for row in rows])


def _is_empty(cell: Content) -> bool:
    return cell == "" or (isinstance(cell, Tree.Element) and cell.get("class") == "none")


def _summary_row(number: int, stack: StackDiff, *, costs: bool) -> Sequence[Content]:
    counts = stack.counts()
    name = named(stack.stack, 60)
    if stack.status is Status.UNCHANGED:
        first = element("span", None, name, element("small", None, " nothing changes"))
    else:
        first = element("span", None, element("a", {"href": f"#stack{number}"}, name))
    risks = [sum(risk.kind is kind for risk in stack.risks) for kind in RiskKind]
    cells: list[Content] = [first]
    cells += [_number(risks[0], "count delete"), _number(risks[1], "count update")]
    cells += [_number(counts[action], f"count {action}") for action in sentences.WORST_FIRST]
    if costs:
        change = stack.cost
        moved = change is not None and sentences.moves(change)
        cells.append(sentences.usd(change.idle_after - change.idle_before) if change and moved else "")
    return cells


def _number(count: int, class_: str) -> Tree.Element:
    return element("span", {"class": class_ if count else "none"}, f"{count:,}" if count else "\u00b7")


def _stack(number: int, stack: StackDiff, anchors: Mapping[tuple[str, str], str]) -> Tree.Element:
    said = sentences.status(stack)
    return element(
        "section",
        {"class": "stack", "id": f"stack{number}"},
        element("h2", None, element("span", {"class": "kind"}, "stack "), named(stack.stack, 120)),
        element("p", {"class": "tally"}, sentences.tally(stack) + (f" \u2014 {said}" if said else "")),
        _picture(number, stack),
        statements_of(stack.statements),
        rules_of(stack.rules),
        cost_of(stack.cost),
        *changes_of(stack, {urn: anchor for (name, urn), anchor in anchors.items() if name == stack.stack}),
        outputs_of(stack.outputs),
        _hints(stack.hints),
    )


def _picture(number: int, stack: StackDiff) -> Tree.Element | None:
    picture = picture_of_both(stack)
    if picture is None:
        return None
    drawn = svg.drawing(picture, marks(stack.changes), f"picture{number}")
    if int(drawn.get("width", "0")) > 900:
        drawn.set("class", f"{drawn.get('class')} wide")
    said = f"The stack {named(stack.stack, 60)} with what changes in it"
    return element(
        "figure",
        None,
        element("div", {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": said}, drawn),
    )


def marks(changes: Sequence[ResourceChange]) -> Mapping[str, Action]:
    """What happens to each resource and component, for a picture. What may be replaced counts as replaced."""
    return {change.urn: change.action for change in changes}


def _hints(hints: Sequence[str]) -> Tree.Element | None:
    if not hints:
        return None
    return section("Hints", element("ul", None, *(element("li", None, sentences.message(hint)) for hint in hints)))
