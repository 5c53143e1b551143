"""The tables of the page: what may be done, what is open, what it costs."""

from collections.abc import Sequence
from xml.etree import ElementTree as Tree

from workbench.diff.model import CostChange, RuleChange, StatementChange
from workbench.graph.elements import Content, element
from workbench.report import sentences
from workbench.report.values import named


def statements_of(statements: Sequence[StatementChange]) -> Tree.Element | None:
    """IAM statements, added and removed."""
    if not statements:
        return None
    rows: list[Sequence[Content]] = [
        [
            _sign(added=each.added),
            named(each.holder),
            _effect(each.effect),
            _lines(each.actions),
            _lines(each.resources),
            _lines(each.principals),
            _lines(each.conditions),
        ]
        for each in statements
    ]
    heads = ["", "Policy of", "Effect", "Actions", "Resources", "Principals", "Conditions"]
    return section("IAM statements", table("statements", *_without_empty(heads, rows)))


def _without_empty(
    heads: Sequence[str], rows: Sequence[Sequence[Content]]
) -> tuple[Sequence[str], Sequence[Sequence[Content]]]:
    """Heads and rows without the columns that nothing is in."""
    kept = [0, *(index for index in range(1, len(heads)) if any(row[index] is not None for row in rows))]
    return [heads[index] for index in kept], [[row[index] for index in kept] for row in rows]


def rules_of(rules: Sequence[RuleChange]) -> Tree.Element | None:
    """Rules of security groups, added and removed."""
    if not rules:
        return None
    ways = {"in": "in, from", "out": "out, to"}
    rows: list[Sequence[Content]] = [
        [
            _sign(added=each.added),
            named(each.group),
            ways.get(each.direction, named(each.direction)),
            element("code", None, named(each.peer)),
            named(each.protocol),
            named(each.ports),
        ]
        for each in rules
    ]
    heads = ["", "Security group", "Direction", "Peer", "Protocol", "Ports"]
    return section("Security-group rules", table("rules", heads, rows))


def _effect(effect: str) -> Content:
    return element("strong", None, "Deny") if effect == "Deny" else named(effect)


def _sign(*, added: bool) -> Tree.Element:
    word = "now possible" if added else "no longer possible"
    return element(
        "span",
        {"class": "sign added" if added else "sign removed", "title": word},
        "+" if added else "\u2212",
    )


def _lines(texts: Sequence[str]) -> Content:
    if not texts:
        return None
    return element("span", None, *(element("code", {"class": "line"}, named(text, 300)) for text in texts))


def cost_of(cost: CostChange | None) -> Tree.Element | None:
    """The estimate, line by line."""
    if cost is None:
        return None
    if not sentences.moves(cost):
        said = f"{cost.idle_after:,.2f} USD a month idle, {cost.load_after:,.2f} at the load assumed"
        return section("Cost (estimate)", element("p", None, f"It stays as it is: {said}."))
    seen, less = sentences.cost_lines(cost)
    rows: list[Sequence[Content]] = [
        [
            named(line.component),
            sentences.message(line.item),
            f"{line.idle_before:,.2f}",
            f"{line.idle_after:,.2f}",
            f"{line.load_before:,.2f}",
            f"{line.load_after:,.2f}",
        ]
        for line in seen
    ]
    heads = ["Component", "What is paid for", "Idle before", "after", "At load before", "after"]
    small = [f"{sentences.plural(less, 'more line')}, each less than a cent."] if less else []
    notes = [
        element("li", None, sentences.message(note))
        for note in [*small, cost.prices, f"The load assumed: {cost.load}", *cost.notes]
    ]
    return section(
        "Cost (estimate)",
        element("p", None, sentences.cost(cost)),
        table("cost", heads, rows) if rows else None,
        element("ul", {"class": "notes"}, *notes) if notes else None,
    )


def section(title: str, *content: Content) -> Tree.Element:
    """A part of a stack under a heading of its own."""
    return element("section", {"class": "part"}, element("h3", None, title), *content)


def table(class_: str, heads: Sequence[str], rows: Sequence[Sequence[Content]]) -> Tree.Element:
    """A table that scrolls by itself where it is too wide."""
    return element(
        "div",
        {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": class_},
        element(
            "table",
            {"class": class_},
            element("thead", None, element("tr", None, *(element("th", {"scope": "col"}, head) for head in heads))),
            element("tbody", None, *(_row(row) for row in rows)),
        ),
    )


def _row(cells: Sequence[Content]) -> Tree.Element:
    return element("tr", None, *(element("td", None, cell) for cell in cells))
