"""A difference as a comment on a pull request: short enough for GitHub, and nothing in it acts but what is ours."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from workbench.diff.model import Action, CostLine, Diff, RiskKind, StackDiff, Status
from workbench.report import alike, outline, sentences
from workbench.report.budget import Line, Section, fitted
from workbench.report.inline import cell, code, codes, html_code, prose
from workbench.report.values import named

MARKER = "<!-- plinth-diff -->"
"""The first line: what a workflow finds its own comment by."""

ARTIFACT = "plinth-diff"
"""Where a workflow leaves every format whole."""

LEAST = 2_000
"""The fewest bytes that hold a verdict, and what says how to see the rest."""


def markdown(diff: Diff, limit: int = 65_536) -> str:
    """The comment, never more than `limit` bytes of UTF-8. Raises ValueError for a limit below `LEAST`.

    What does not fit is left out from the least important on, and counted at the end: risks are the last to go.
    """
    if limit < LEAST:
        raise ValueError(f"A comment needs {LEAST:,} bytes, and {limit:,} are too few.")
    sections = [section for section in _sections(diff) if section.lines]
    for brief in (False, True):
        comment = fitted(_opening(diff, brief=brief), sections, _closing("" if brief else diff.base.label), limit)
        if comment is not None:
            return comment
    raise AssertionError("Without any line or name, a comment is shorter than the least limit.")


def _opening(diff: Diff, *, brief: bool) -> str:
    """What is always there: in brief, where long names leave no room, without them."""
    said = f"{MARKER}\n### {prose(sentences.verdict(diff, most_names=0 if brief else 4))}"
    base, head = sentences.sides(diff)
    return said if brief else f"{said}\n\nFrom {code(base)} to {code(head)}"


class _Rank:
    """What is left out last has the lowest rank."""

    STACKS = 0
    RISKS: Mapping[RiskKind, int] = {RiskKind.DATA_LOSS: 1, RiskKind.ACCESS: 2}
    REMEDIES: Mapping[RiskKind, int] = {RiskKind.DATA_LOSS: 3, RiskKind.ACCESS: 4}
    CHANGES: Mapping[Action, int] = {
        Action.DELETE: 5,
        Action.REPLACE: 5,
        Action.UPDATE: 9,
        Action.RENAME: 9,
        Action.CREATE: 10,
    }
    REASONS = 6
    TABLES = 7
    COST = 8
    DETAILS: Mapping[Action, int] = {
        Action.DELETE: 11,
        Action.REPLACE: 11,
        Action.UPDATE: 12,
        Action.RENAME: 12,
        Action.CREATE: 15,
    }
    SENTENCES = 13
    COST_LINES = 14


def _sections(diff: Diff) -> Iterator[Section]:
    yield _overview(diff)
    for kind in RiskKind:
        yield _risks(diff, kind)
    yield _statements(diff)
    yield _rules(diff)
    yield _cost(diff)
    yield _cost_lines(diff)
    for listing in alike.listings(diff.stacks, _AMOUNT):
        yield _changes(listing)
    yield _said("Hints", [f"{code(stack.stack)}: {prose(hint)}" for stack in diff.stacks for hint in stack.hints])
    yield _said("Notes", [prose(note) for note in diff.notes])


def _overview(diff: Diff) -> Section:
    names = [
        "Stack",
        "Data at risk",
        "Access",
        *(action.capitalize() for action in sentences.WORST_FIRST),
        "USD a month",
    ]
    columns, rows = _filled(names, [_overview_row(stack) for stack in diff.stacks])
    header = f"| {' | '.join(columns)} |\n|:--|{'--:|' * (len(columns) - 1)}\n"
    return Section([Line(_Rank.STACKS, _row(row), "stack") for row in rows], header)


def _filled(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Names and rows without the columns that nothing is in: a phone has little room."""
    kept = [at for at in range(len(names)) if at == 0 or any(row[at] for row in rows)]
    return [names[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _overview_row(stack: StackDiff) -> Sequence[str]:
    counts = stack.counts()
    name = code(stack.stack, 60)
    if stack.status in (Status.ADDED, Status.REMOVED):
        name += f" ({stack.status})"
    risks = [sum(risk.kind is kind for risk in stack.risks) for kind in RiskKind]
    return [
        name,
        *(f"**{number:,}**" if number else "" for number in risks),
        *(
            f"{counts[action]:,}{sentences.perhaps(stack, action)}" if counts[action] else ""
            for action in sentences.WORST_FIRST
        ),
        sentences.usd(stack.cost.idle_after - stack.cost.idle_before)
        if stack.cost and sentences.moves(stack.cost)
        else "",
    ]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell(each) for each in cells)} |"


_ALERTS: Mapping[RiskKind, str] = {RiskKind.DATA_LOSS: "CAUTION", RiskKind.ACCESS: "WARNING"}


def _risks(diff: Diff, kind: RiskKind) -> Section:
    lines, noun = list[Line](), f"{kind} risk"
    found = alike.risks(diff.stacks, kind)
    for each in found:
        risk = each.risk
        stacks = codes(each.stacks, 60) + (f", likewise {codes(each.likewise, 60)}" if each.likewise else "")
        what = code(f"{risk.type} {risk.name}" if not each.others else risk.type)
        same = f" {prose(each.same, 1_000)}" if each.others else ""
        told = f"> - **{prose(risk.message)}**{same} {stacks}: {code(risk.rule)} {what}"
        lines.append(Line(_Rank.RISKS[kind], told, noun, each.number))
        if each.remedy:
            lines.append(Line(_Rank.REMEDIES[kind], f">   {prose(each.remedy)}", "suggestion"))
    return Section(
        lines,
        f"> [!{_ALERTS[kind]}]\n> **{sentences.RISK_TITLES[kind]}: {sum(each.number for each in found):,}**\n>\n",
        more="> - **{} more**, which do not fit here",
        noun=noun,
        always=True,
    )


def _statements(diff: Diff) -> Section:
    rows = [
        [
            _mark(each.added),
            code(stack.stack, 60),
            code(each.holder, 120),
            prose(each.effect, 60),
            *map(codes, (each.actions, each.resources, each.principals, each.conditions)),
        ]
        for stack in diff.stacks
        for each in stack.statements
    ]
    columns = ["", "Stack", "Whose", "Effect", "Actions", "Resources", "Principals", "Conditions"]
    return _table("IAM statements", columns, rows, "IAM statement")


def _rules(diff: Diff) -> Section:
    rows = [
        [
            _mark(each.added),
            code(stack.stack, 60),
            *(code(text, 120) for text in (each.group, each.direction, each.protocol, each.ports, each.peer)),
        ]
        for stack in diff.stacks
        for each in stack.rules
    ]
    columns = ["", "Stack", "Group", "Direction", "Protocol", "Ports", "Peer"]
    return _table("Security-group rules", columns, rows, "security-group rule")


def _mark(added: bool) -> str:
    return "**+**" if added else "**-**"


_FOLDED_FROM = 12
"""The rows from which on a table is folded."""


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], noun: str) -> Section:
    columns, rows = _filled(columns, rows)
    lines = [Line(_Rank.TABLES, _row(row), noun) for row in rows]
    header = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    if len(rows) < _FOLDED_FROM:
        return Section(lines, f"**{title}**\n\n{header}")
    opening, closing = _folded(f"{title}: {len(rows):,}")
    return Section(lines, opening + header, closing)


def _folded(summary: str) -> tuple[str, str]:
    """What opens and closes something that is shown on a click. The summary is HTML."""
    return f"<details><summary>{summary}</summary>\n\n", "\n\n</details>"


def _cost(diff: Diff) -> Section:
    moved, stays = sentences.cost_moved(diff.stacks), sentences.cost_stays(diff.stacks)
    if not moved:
        return Section([Line(_Rank.COST, prose(stays), "cost estimate")] if stays else [])
    said = [f"- {code(stack.stack, 60)}: {prose(sentences.cost(cost))}" for stack, cost in moved]
    said += [f"- {prose(each)}" for each in (stays, *sentences.cost_prices(diff.stacks)) if each]
    return Section(
        [Line(_Rank.COST, each, "cost estimate") for each in said], "**Cost: an estimate, no quotation**\n\n"
    )


def _cost_lines(diff: Diff) -> Section:
    moved = [(stack, *sentences.cost_lines(cost)) for stack, cost in sentences.cost_moved(diff.stacks)]
    said = [_cost_row(stack, line) for stack, seen, _ in moved for line in seen]
    less = sum(number for _, _, number in moved)
    small = [f"{sentences.plural(less, 'more line')}, each less than a cent"] if less else []
    remarks = [f"- {prose(remark)}" for remark in [*small, *sentences.cost_remarks(diff.stacks)]]
    header = "| Stack | Component | USD idle | USD at that load | What for |\n|---|---|--:|--:|---|\n" if said else ""
    if said and remarks:
        # Without an empty line, the list would be rows of the table.
        remarks[0] = f"\n{remarks[0]}"
    opening, closing = _folded("What the estimate is made of")
    lines = [Line(_Rank.COST_LINES, each, "cost line") for each in [*said, *remarks]]
    return Section(lines, opening + header, closing)


def _cost_row(stack: StackDiff, line: CostLine) -> str:
    amounts = (line.idle_after - line.idle_before, line.load_after - line.load_before)
    return _row([code(stack.stack, 60), code(line.component, 120), *map(sentences.usd, amounts), prose(line.item)])


_SIGNS: Mapping[Action, str] = {
    Action.DELETE: "-",
    Action.REPLACE: "-",
    Action.RENAME: "#",
    Action.UPDATE: "!",
    Action.CREATE: "+",
}
"""What begins a line, and so colours it, in a block of the language `diff`."""

_AMOUNT = outline.Amount(properties=50, files=20, value=160)


def _changes(listing: alike.Listing) -> Section:
    lines = list[Line]()
    for each in listing.changes:
        lines += _change(each, len(listing.stacks))
    if listing.outputs:
        rank = _Rank.DETAILS[Action.UPDATE]
        lines.append(Line(rank, "# outputs", "detail"))
        lines += [Line(rank, _in_fence(each), "detail") for each in listing.outputs]
    first = listing.stacks[0]
    status = f", {sentences.status(first)}" if sentences.status(first) else ""
    names = sentences.enumerated([html_code(stack.stack) for stack in listing.stacks])
    opening, closing = _folded(f"{names}: {sentences.tally(first)}{status}")
    return Section(lines, opening, closing, fence="diff", more="# ... {} more changes", noun="change")


def _change(each: alike.Changes, stacks: int) -> Iterator[Line]:
    action = each.changes[0].action
    yield Line(_Rank.CHANGES[action], f"{_SIGNS[action]} {each.heading}", "change", len(each.changes) * stacks)
    for reason in each.reasons:
        yield Line(_Rank.REASONS, f"!     {reason.label}", "detail")
    for line in each.details:
        yield Line(_Rank.DETAILS[action], _in_fence(line), "detail")


def _in_fence(line: outline.Line) -> str:
    indent = " " * (5 + 2 * line.depth)
    if line.before is not None and line.after is not None:
        return f"-{indent}{line.label}: {line.before}\n+{indent}{line.label}: {line.after}"
    value = line.after if line.before is None else line.before
    mark = {"~": "!"}.get(line.mark, line.mark)
    return f"{mark}{indent}{line.label}" + (f": {value}" if value is not None else "")


def _said(title: str, sentences_: Sequence[str]) -> Section:
    return Section([Line(_Rank.SENTENCES, f"- {each}", "remark") for each in sentences_], f"**{title}**\n\n")


def _closing(base: str) -> Callable[[Mapping[str, int]], str]:
    command = f"plinth diff --base {shlex.quote(named(base, 80))}" if base else "plinth diff"

    def closing(left_out: Mapping[str, int]) -> str:
        counted = ", ".join(sentences.plural(number, noun) for noun, number in left_out.items())
        whole = f"All of it is in the artifact {code(ARTIFACT)}, or run: {code(command, 400)}"
        return f"**Not shown here:** {counted}. {whole}"

    return closing
