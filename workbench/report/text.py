"""A difference as text for a terminal: what can hurt on the first screen, every property further down."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.diff.model import Action, Diff, ResourceChange, RiskKind, StackDiff, Status
from workbench.report import outline, sentences
from workbench.report.values import cut, named

_SIGNS: Mapping[Action, tuple[str, str]] = {
    Action.DELETE: ("-", "red"),
    Action.REPLACE: ("±", "magenta"),
    Action.RENAME: (">", "cyan"),
    Action.UPDATE: ("~", "yellow"),
    Action.CREATE: ("+", "green"),
}
_MARKS: Mapping[str, str] = {"-": "red", "+": "green", "~": "yellow", " ": ""}
_LOUD: Mapping[RiskKind, str] = {RiskKind.DATA_LOSS: "bold white on red", RiskKind.ACCESS: "bold black on yellow"}

_NARROWEST = 40


def text(diff: Diff, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The whole difference in lines of at most `width` columns, with ANSI colours only where `colour` is set.

    Nothing in it but those colours acts on a terminal. `verbose` lists all properties of what is created and deleted,
    all files, components, and longer values.
    """
    paper = _Paper(max(width, _NARROWEST), colour)
    _overview(paper, diff)
    for kind in RiskKind:
        _risks(paper, diff, kind)
    _statements(paper, diff)
    _rules(paper, diff)
    _costs(paper, diff, verbose=verbose)
    for stack in diff.stacks:
        _stack(paper, stack, verbose=verbose)
    _sentences(paper, "Notes", diff.notes)
    return paper.text()


class _Paper:
    """Lines with a margin, wrapped within it."""

    def __init__(self, width: int, colour: bool) -> None:
        self._file = io.StringIO()
        self._console = Console(
            file=self._file,
            width=width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
        self._width = width

    def line(self, *parts: tuple[str, str] | str, margin: int = 0, hanging: int = 2) -> None:
        """One line of parts, some with a style; what does not fit goes on below, `hanging` further in."""
        whole = Text.assemble(*parts)
        if margin + whole.cell_len <= self._width:
            lines = [whole]
        else:
            lines = whole.wrap(self._console, self._width - margin - hanging, overflow="fold")
        for number, line in enumerate(lines):
            indented = Text(" " * (margin + hanging * (number > 0))) + line
            self._console.print(indented, soft_wrap=True)

    def fits(self, text: str, margin: int) -> bool:
        """Whether a text needs one line only."""
        return margin + cell_len(text) <= self._width

    def value(self, mark: str, text: str, margin: int) -> None:
        """A long value, broken wherever the line ends, so that nothing is added to it or taken away."""
        for number, part in enumerate(chop_cells(text, self._width - margin - 2)):
            whole = Text(" " * margin) + Text(f"{' ' if number else mark} {part}", _MARKS[mark])
            self._console.print(whole, soft_wrap=True)

    def heading(self, title: str, style: str = "bold") -> None:
        """The beginning of a section."""
        self._console.print()
        self.line((title, style))

    def table(self, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Rows, each with its style, below the names of the columns; empty columns are left out.

        Where the columns do not fit beside each other, each row is a line.
        """
        styled = list(rows)
        kept = [at for at in range(len(columns)) if any(cells[at] for _, cells in styled)]
        widths = [max(map(cell_len, [columns[at], *(cells[at] for _, cells in styled)])) + 2 for at in kept]
        if 2 + sum(widths) - 2 > self._width:
            for style, cells in styled:
                self.line(("  ".join(cells[at] for at in kept if cells[at]), style), margin=2, hanging=4)
            return
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for at in kept:
            table.add_column(columns[at], overflow="fold")
        for style, cells in styled:
            table.add_row(*(Text(cells[at], style) for at in kept))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def text(self) -> str:
        """All of it, without spaces at the ends of lines."""
        return "".join(f"{line.rstrip(' ')}\n" for line in self._file.getvalue().split("\n")).rstrip("\n") + "\n"


def _overview(paper: _Paper, diff: Diff) -> None:
    loudest = next((_LOUD[kind] for kind in RiskKind if any(risk.kind is kind for risk in diff.risks())), "bold")
    base, head = sentences.sides(diff)
    paper.line((sentences.verdict(diff), loudest))
    paper.line((f"{base} -> {head}", "dim"))
    for stack in diff.stacks:
        paper.line((named(stack.stack), "bold"), f": {', '.join(_overall(stack))}", margin=2)


def _overall(stack: StackDiff) -> Iterator[str]:
    if only_one_side := sentences.status(stack):
        yield only_one_side
    if stack.status is Status.UNCHANGED:
        yield "no changes"
        return
    yield sentences.tally(stack)
    if stack.cost:
        yield f"{sentences.usd(stack.cost.idle_after - stack.cost.idle_before)} USD a month"


def _risks(paper: _Paper, diff: Diff, kind: RiskKind) -> None:
    found = sentences.gathered(diff.stacks, kind)
    if not found:
        return
    paper.heading(f" {sentences.RISK_TITLES[kind]} ", _LOUD[kind])
    for (stacks, risk), remedy in zip(found, sentences.remedies(found), strict=True):
        paper.line("! ", (sentences.message(risk.message), "bold"), margin=2)
        paper.line(
            f"{', '.join(map(named, stacks))}: {named(risk.rule)}, {named(risk.type)} {named(risk.name)}", margin=4
        )
        if remedy:
            paper.line(remedy, margin=4)


def _statements(paper: _Paper, diff: Diff) -> None:
    rows = [
        (
            each.added,
            [stack.stack, each.holder, each.effect],
            [each.actions, each.resources, each.principals, each.conditions],
        )
        for stack in diff.stacks
        for each in stack.statements
    ]
    if rows:
        paper.heading("IAM statements")
        paper.table(
            ["", "Stack", "Whose", "Effect", "Actions", "Resources", "Principals", "Conditions"],
            [_row(added, [*map(named, names), *map(_listed, lists)]) for added, names, lists in rows],
        )


def _rules(paper: _Paper, diff: Diff) -> None:
    rows = [
        (each.added, [stack.stack, each.group, each.direction, each.protocol, each.ports, each.peer])
        for stack in diff.stacks
        for each in stack.rules
    ]
    if rows:
        paper.heading("Security-group rules")
        paper.table(
            ["", "Stack", "Group", "Direction", "Protocol", "Ports", "Peer"],
            [_row(added, list(map(named, names))) for added, names in rows],
        )


def _row(added: bool, cells: Sequence[str]) -> tuple[str, Sequence[str]]:
    mark = "+" if added else "-"
    return _MARKS[mark], [mark, *cells]


def _listed(texts: Sequence[str]) -> str:
    return cut(", ".join(texts), 400)


def _costs(paper: _Paper, diff: Diff, *, verbose: bool) -> None:
    priced = [(stack, stack.cost) for stack in diff.stacks if stack.cost]
    if not priced:
        return
    paper.heading("Cost: an estimate, no quotation")
    for stack, cost in priced:
        paper.line((named(stack.stack), "bold"), f": {sentences.cost(cost)}", margin=2)
        listed = cost.lines if verbose else cost.lines[:_COST_LINES]
        for line in listed:
            idle, load = line.idle_after - line.idle_before, line.load_after - line.load_before
            amounts = f"{sentences.usd(idle)} idle, {sentences.usd(load)} at that load"
            paper.line(f"{named(line.component)}: {amounts}: {sentences.message(line.item)}", margin=4)
        if more := len(cost.lines) - len(listed):
            paper.line(f"... {sentences.plural(more, 'more line')}", margin=4)
    for remark in [*sentences.cost_prices(diff.stacks), *sentences.cost_remarks(diff.stacks)]:
        paper.line(remark, margin=2)


_COST_LINES = 5
"""How much of an estimate is told unasked."""


def _stack(paper: _Paper, stack: StackDiff, *, verbose: bool) -> None:
    amount = outline.VERBOSE if verbose else outline.BRIEF
    listed = sentences.listed(stack, components=verbose)
    outputs = outline.outputs(stack.outputs, amount)
    if listed or outputs or stack.hints:
        paper.heading(f"Changes in {named(stack.stack)}")
    for change in listed:
        _change(paper, change, amount)
    if outputs:
        paper.line("outputs", margin=2)
        _lines(paper, outputs)
    for hint in stack.hints:
        paper.line(("hint: ", "cyan"), sentences.message(hint), margin=2)


def _change(paper: _Paper, change: ResourceChange, amount: outline.Amount) -> None:
    sign, style = _SIGNS[change.action]
    paper.line((f"{sign} {sentences.heading(change)}", style), margin=2)
    _lines(paper, [*outline.reasons(change), *outline.details(change, amount)])


def _lines(paper: _Paper, lines: Iterable[outline.Line]) -> None:
    for line in lines:
        mark, style, margin = line.mark, _MARKS[line.mark], 6 + 2 * line.depth
        if line.before is None or line.after is None:
            value = line.after if line.before is None else line.before
            paper.line((f"{mark} {line.label}" + (f": {value}" if value is not None else ""), style), margin=margin)
        elif paper.fits(f"{mark} {line.label}: {line.before} -> {line.after}", margin):
            paper.line((f"{mark} {line.label}: ", style), line.before, (" -> ", "dim"), line.after, margin=margin)
        else:
            paper.line((f"{mark} {line.label}:", style), margin=margin)
            paper.value("-", line.before, margin=margin + 2)
            paper.value("+", line.after, margin=margin + 2)


def _sentences(paper: _Paper, title: str, said: Sequence[str]) -> None:
    if said:
        paper.heading(title)
        for sentence in said:
            paper.line(sentences.message(sentence), margin=2)
