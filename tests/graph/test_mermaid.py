"""A picture as a Mermaid flowchart: exact lines, and nothing in a name that Mermaid or HTML could take for its own."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.any_diffs import texts
from workbench.graph.mermaid import mermaid
from workbench.graph.model import Arrow, Box, Flow, Frame, Kind, Picture

_TEXT = r'"(?:<b>)?[-a-zA-Z0-9 _.,:/()#;]*(?:</b>)?(?:<br/>[-a-zA-Z0-9 _.,:/()#;]+)*"'
_SHAPES = (r"\(\[{}\]\)", r"\[\({}\)\]", r"\[\[{}\]\]", r"\{{\{{{}\}}\}}", r"\[{}\]")
_LINES = (
    "flowchart LR",
    *(r" {4,8}box\d+" + shape.format(_TEXT) for shape in _SHAPES),
    r" {4}subgraph frame\d+\[" + _TEXT + r"\]",
    " {4}end",
    r" {4}box\d+ (?:-->|-\.->)(?:\|" + _TEXT + r"\|)? box\d+",
    "",
)
"""All kinds of lines that there are."""


def test_a_picture_is_a_flowchart() -> None:
    boxes = [
        Box("client", "client", "", Kind.OUTSIDE),
        Box("api", "api", "PythonFunction", Kind.FUNCTION, ["a", "b"], "network"),
        Box("data", "database", "Database", Kind.STORE, ["c"], "network"),
        Box("runs", "runs", "WorkQueue", Kind.QUEUE, ["d", "e"]),
        Box("keys", "keys", "SigningKeys", Kind.SECRET, ["f"]),
        Box("alarms", "alarms", "Observability", Kind.WATCH, ["g"], notes=["watches api, runs and 2 more"]),
    ]
    arrows = [
        Arrow("client", "api", "HTTPS", Flow.CALLS),
        Arrow("api", "data", "5432", Flow.CALLS),
        Arrow("api", "keys", "", Flow.USES),
    ]
    assert mermaid(Picture("dev", boxes, [Frame("network", "network", "Network")], arrows)).split("\n") == [
        "flowchart LR",
        '    box0(["<b>client</b>"])',
        '    box3[["<b>runs</b><br/>WorkQueue<br/>2 resources"]]',
        '    box4{{"<b>keys</b><br/>SigningKeys"}}',
        '    box5["<b>alarms</b><br/>Observability<br/>watches api, runs and 2 more"]',
        '    subgraph frame0["network<br/>Network"]',
        '        box1["<b>api</b><br/>PythonFunction<br/>2 resources"]',
        '        box2[("<b>database</b><br/>Database")]',
        "    end",
        '    box0 -->|"HTTPS"| box1',
        '    box1 -->|"5432"| box2',
        "    box1 -.-> box4",
        "",
    ]


def test_what_means_something_to_mermaid_is_written_as_its_code() -> None:
    box = Box("one", 'a"]; end %% `b` <i>\n#35; |x|', "", Kind.OTHER)
    assert mermaid(Picture("dev", [box], [], [])) == (
        'flowchart LR\n    box0["<b>a#34;#93;#59; end #37;#37; #96;b#96; #60;i#62;#92;n#35;35#59; #124;x#124;</b>"]\n'
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, min_size=1, max_size=8))
def test_any_name_leaves_the_flowchart_valid(names: list[str]) -> None:
    kinds = list(Kind)
    boxes = [
        Box(
            name + str(index), name, name, kinds[index % len(kinds)], ["a", "b"], "frame" if index % 2 else None, [name]
        )
        for index, name in enumerate(names)
    ]
    arrows = [Arrow(boxes[0].id, box.id, name, Flow.CALLS) for box, name in zip(boxes, names, strict=True)]
    document = mermaid(Picture("dev", boxes, [Frame("frame", names[0], names[-1])], arrows))
    assert [line for line in document.split("\n") if not any(re.fullmatch(kind, line) for kind in _LINES)] == []
    assert document.count("subgraph") == document.count("\n    end\n")
