"""A difference as text for a terminal: what can hurt on the first screen, every property further down."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.diff.model import Action, Diff, RiskKind, StackDiff, Status
from workbench.report import alike, outline, sentences
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
    _statements(paper, diff, verbose=verbose)
    _rules(paper, diff, verbose=verbose)
    _costs(paper, diff, verbose=verbose)
    amount = outline.VERBOSE if verbose else outline.BRIEF
    for listing in alike.listings(diff.stacks, amount, components=verbose):
        _listing(paper, listing)
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
    if cost := sentences.cost_briefly(stack):
        yield cost


def _risks(paper: _Paper, diff: Diff, kind: RiskKind) -> None:
    found = alike.risks(diff.stacks, kind)
    if not found:
        return
    paper.heading(f" {sentences.RISK_TITLES[kind]} ", _LOUD[kind])
    for each in found:
        paper.line("! ", (sentences.message(each.risk.message), "bold"), margin=2)
        if each.others:
            paper.line((each.same, "bold"), margin=4)
        stacks = ", ".join([*map(named, each.stacks), *(f"likewise {named(stack)}" for stack in each.likewise)])
        what = named(each.risk.type) + (f" {named(each.risk.name)}" if not each.others else "")
        paper.line(f"{stacks}: {named(each.risk.rule)}, {what}", margin=4)
        if each.remedy:
            paper.line(each.remedy, margin=4)


def _statements(paper: _Paper, diff: Diff, *, verbose: bool) -> None:
    rows = [
        (
            each.added,
            [stack.stack, each.holder, each.effect],
            [each.actions, each.resources, each.principals, each.conditions],
        )
        for stack in diff.stacks
        if verbose or not _on_one_side(stack)
        for each in stack.statements
    ]
    if rows:
        paper.heading("IAM statements")
        paper.table(
            ["", "Stack", "Whose", "Effect", "Actions", "Resources", "Principals", "Conditions"],
            [_row(added, [*map(named, names), *map(_listed, lists)]) for added, names, lists in rows],
        )


def _rules(paper: _Paper, diff: Diff, *, verbose: bool) -> None:
    rows = [
        (each.added, [stack.stack, each.group, each.direction, each.protocol, each.ports, each.peer])
        for stack in diff.stacks
        if verbose or not _on_one_side(stack)
        for each in stack.rules
    ]
    if rows:
        paper.heading("Security-group rules")
        paper.table(
            ["", "Stack", "Group", "Direction", "Protocol", "Ports", "Peer"],
            [_row(added, list(map(named, names))) for added, names in rows],
        )


def _on_one_side(stack: StackDiff) -> bool:
    """Whether nothing in it is a difference to a person: all of it comes, or all of it goes."""
    return stack.status in (Status.ADDED, Status.REMOVED)


def _row(added: bool, cells: Sequence[str]) -> tuple[str, Sequence[str]]:
    mark = "+" if added else "-"
    return _MARKS[mark], [mark, *cells]


def _listed(texts: Sequence[str]) -> str:
    return cut(", ".join(texts), 400)


def _costs(paper: _Paper, diff: Diff, *, verbose: bool) -> None:
    moved = sentences.cost_moved(diff.stacks)
    stays = sentences.cost_stays(diff.stacks)
    if not moved:
        if stays:
            paper.heading(stays, "")
        return
    paper.heading("Cost: an estimate, no quotation")
    for stack, cost in moved:
        paper.line((named(stack.stack), "bold"), f": {sentences.cost(cost)}", margin=2)
        seen, less = sentences.cost_lines(cost)
        listed = cost.lines if verbose else seen[:_COST_LINES]
        for line in listed:
            idle, load = line.idle_after - line.idle_before, line.load_after - line.load_before
            amounts = f"{sentences.usd(idle)} idle, {sentences.usd(load)} at that load"
            paper.line(f"{named(line.component)}: {amounts}: {sentences.message(line.item)}", margin=4)
        if more := len(cost.lines) - len(listed):
            small = ", each less than a cent" if more == less else ""
            paper.line(f"... {sentences.plural(more, 'more line')}{small}", margin=4)
    for remark in [stays, *sentences.cost_prices(diff.stacks), *sentences.cost_remarks(diff.stacks)]:
        if remark:
            paper.line(remark, margin=2)


_COST_LINES = 5
"""How much of an estimate is told unasked."""


def _listing(paper: _Paper, listing: alike.Listing) -> None:
    names = sentences.enumerated([named(stack.stack) for stack in listing.stacks])
    if listing.changes or listing.outputs or listing.hints:
        paper.heading(f"Changes in {names}")
    for each in listing.changes:
        sign, style = _SIGNS[each.changes[0].action]
        paper.line((f"{sign} {each.heading}", style), margin=2)
        _lines(paper, [*each.reasons, *each.details])
    if listing.outputs:
        paper.line("outputs", margin=2)
        _lines(paper, listing.outputs)
    for hint in listing.hints:
        paper.line(("hint: ", "cyan"), sentences.message(hint), margin=2)
    if any(map(_on_one_side, listing.stacks)) and not any(each.details for each in listing.changes):
        paper.line("--verbose shows all properties, IAM statements and rules.", margin=2)


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
