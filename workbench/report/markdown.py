"""A difference as a comment on a pull request: short enough for GitHub, and nothing in it acts but what is ours."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from workbench.diff.model import Action, CostLine, Diff, ResourceChange, RiskKind, StackDiff, Status
from workbench.report import outline, sentences
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
    for stack in diff.stacks:
        yield _changes(stack)
    yield _said("Hints", [f"{code(stack.stack)}: {prose(hint)}" for stack in diff.stacks for hint in stack.hints])
    yield _said("Notes", [prose(note) for note in diff.notes])


def _overview(diff: Diff) -> Section:
    names = ["Stack", "Data at risk", "Access", *(action.capitalize() for action in sentences.WORST_FIRST)]
    header = f"| {' | '.join([*names, 'USD a month'])} |\n|:--|{'--:|' * len(names)}\n"
    return Section([Line(_Rank.STACKS, _overview_row(stack), "stack") for stack in diff.stacks], header)


def _overview_row(stack: StackDiff) -> str:
    counts = stack.counts()
    unsure = f" ({sentences.uncertain(stack)} perhaps)" if sentences.uncertain(stack) else ""
    name = code(stack.stack, 60)
    if stack.status in (Status.ADDED, Status.REMOVED):
        name += f" ({stack.status})"
    risks = [sum(risk.kind is kind for risk in stack.risks) for kind in RiskKind]
    cells = [
        name,
        *(f"**{number:,}**" if number else "" for number in risks),
        *(
            f"{counts[action]:,}{unsure if action is Action.REPLACE else ''}" if counts[action] else ""
            for action in sentences.WORST_FIRST
        ),
        sentences.usd(stack.cost.idle_after - stack.cost.idle_before) if stack.cost else "",
    ]
    return _row(cells)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell(each) for each in cells)} |"


_ALERTS: Mapping[RiskKind, str] = {RiskKind.DATA_LOSS: "CAUTION", RiskKind.ACCESS: "WARNING"}


def _risks(diff: Diff, kind: RiskKind) -> Section:
    lines, noun = list[Line](), f"{kind} risk"
    found = sentences.gathered(diff.stacks, kind)
    for (stacks, risk), remedy in zip(found, sentences.remedies(found), strict=True):
        where = f"{codes(stacks, 60)}: {code(risk.rule)} {code(f'{risk.type} {risk.name}')}"
        lines.append(Line(_Rank.RISKS[kind], f"> - **{prose(risk.message)}** {where}", noun))
        if remedy:
            lines.append(Line(_Rank.REMEDIES[kind], f">   {prose(remedy)}", "suggestion"))
    return Section(
        lines,
        f"> [!{_ALERTS[kind]}]\n> **{sentences.RISK_TITLES[kind]}: {len(found):,}**\n>\n",
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
    said = [f"- {code(stack.stack, 60)}: {prose(sentences.cost(stack.cost))}" for stack in diff.stacks if stack.cost]
    said += [f"- {prose(prices)}" for prices in sentences.cost_prices(diff.stacks)]
    return Section(
        [Line(_Rank.COST, each, "cost estimate") for each in said], "**Cost: an estimate, no quotation**\n\n"
    )


def _cost_lines(diff: Diff) -> Section:
    said = [_cost_row(stack, line) for stack in diff.stacks if stack.cost for line in stack.cost.lines]
    remarks = [f"- {prose(remark)}" for remark in sentences.cost_remarks(diff.stacks)]
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


def _changes(stack: StackDiff) -> Section:
    lines = list[Line]()
    for change in sentences.listed(stack):
        lines += _change(change)
    outputs = outline.outputs(stack.outputs, _AMOUNT)
    if outputs:
        rank = _Rank.DETAILS[Action.UPDATE]
        lines.append(Line(rank, "# outputs", "detail"))
        lines += [Line(rank, _in_fence(each), "detail") for each in outputs]
    status = f", {sentences.status(stack)}" if sentences.status(stack) else ""
    opening, closing = _folded(f"{html_code(stack.stack)}: {sentences.tally(stack)}{status}")
    return Section(lines, opening, closing, fence="diff", more="# ... {} more changes", noun="change")


def _change(change: ResourceChange) -> Iterator[Line]:
    yield Line(_Rank.CHANGES[change.action], f"{_SIGNS[change.action]} {sentences.heading(change)}", "change")
    for each in outline.reasons(change):
        yield Line(_Rank.REASONS, f"!     {each.label}", "detail")
    for each in outline.details(change, _AMOUNT):
        yield Line(_Rank.DETAILS[change.action], _in_fence(each), "detail")


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
