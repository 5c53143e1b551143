"""Which column each box of a picture stands in: what flows, flows from left to right."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

Edge = tuple[str, str]


def forward(nodes: Sequence[str], edges: Iterable[Edge]) -> tuple[Sequence[Edge], Sequence[Edge]]:
    """The edges without those that close a circle, and those that do."""
    after: dict[str, list[str]] = defaultdict(list)
    into: set[str] = set()
    for source, target in sorted(set(edges)):
        after[source].append(target)
        into.add(target)
    back: set[Edge] = set()
    state: dict[str, bool] = {}
    for start in [*(node for node in nodes if node not in into), *nodes]:
        if start not in state:
            _walk(start, after, state, back)
    ahead = [(source, target) for source in after for target in after[source] if (source, target) not in back]
    return ahead, sorted(back)


def _walk(start: str, after: Mapping[str, Sequence[str]], open_: dict[str, bool], back: set[Edge]) -> None:
    """Notes which edges lead back to where the walk came from. `open_` says of all that was met if it is on the way."""
    stack = [(start, iter(after.get(start, ())))]
    open_[start] = True
    while stack:
        here, onward = stack[-1]
        following = next(onward, None)
        if following is None:
            open_[here] = False
            stack.pop()
        elif following not in open_:
            open_[following] = True
            stack.append((following, iter(after.get(following, ()))))
        elif open_[following]:
            back.add((here, following))


def ranks(nodes: Sequence[str], edges: Sequence[Edge]) -> Mapping[str, int]:
    """The column of each node: right of all that leads to it, and near to what it leads to. `edges` have no circle."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    ordered = _in_order(nodes, before, after)
    rank: dict[str, int] = {}
    for node in ordered:
        rank[node] = max((rank[each] + 1 for each in before[node]), default=0)
    for node in reversed(ordered):
        if after[node] and len(after[node]) >= len(before[node]):
            rank[node] = max(rank[node], min(rank[each] for each in after[node]) - 1)
    first = min(rank.values(), default=0)
    return {node: rank[node] - first for node in nodes}


def _in_order(
    nodes: Sequence[str], before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    """The nodes, each after all that lead to it."""
    waiting = {node: len(before[node]) for node in nodes}
    ready = [node for node in nodes if not waiting[node]]
    for node in ready:
        for following in after[node]:
            waiting[following] -= 1
            if not waiting[following]:
                ready.append(following)
    return ready
