"""What docs/diff.md says of the rules and of the document for programs, against the code."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.example_diffs import eventful
from workbench.diff.data_risks import RULES
from workbench.diff.findings import REMEDIES
from workbench.diff.model import RiskKind
from workbench.project import ROOT
from workbench.report.document import document

_PAGE = (ROOT / "docs" / "diff.md").read_text()


def test_the_table_has_every_rule_in_the_order_in_which_risks_are_told() -> None:
    said = re.findall(r"^\| `([a-z-]+)` \| (data-loss|access) \|", _PAGE, re.MULTILINE)
    assert said == [
        *((rule, RiskKind.DATA_LOSS) for rule in RULES),
        *((rule, RiskKind.ACCESS) for rule in REMEDIES),
    ]


def test_the_example_for_programs_has_the_fields_of_a_document() -> None:
    [example] = re.findall(r"```json\n(.*?)```", _PAGE, re.DOTALL)
    stack = cast("dict[str, Any]", document(eventful())["stacks"][1])
    told = json.loads(example)
    assert list(told) == list(document(eventful()))
    assert list(told["stacks"][0]) == list(stack)
    assert list(told["stacks"][0]["risks"][0]) == list(stack["risks"][0])
    assert list(told["stacks"][0]["cost"]) == list(stack["cost"])
    assert list(told["stacks"][0]["counts"]) == list(stack["counts"])
    change = cast("dict[str, Any]", told["stacks"][0]["changes"][0])
    assert sorted(change) == sorted(stack["changes"][0])
    assert sorted(change["properties"][0]) == ["after", "before", "forces", "label", "path", "source"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_lines_for_jq_find_something(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diff.json").write_text(json.dumps(document(eventful())))
    lines = re.findall(r"^jq .*$", _PAGE, re.MULTILINE)
    answers = [
        subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=20
        ).stdout
        for line in lines
    ]
    assert answers[0] == "DATA AT RISK: 3, ACCESS OPENED: 2, in prod.\n"
    assert [line.split("\t")[:3] for line in answers[1].splitlines()][:2] == [
        ["prod", "data-loss", "replaced"],
        ["prod", "data-loss", "deleted"],
    ]
    assert answers[2].splitlines() == [
        "urn:pulumi:prod::plinth::plinth:index:Database$aws:rds/cluster:Cluster::database",
        "urn:pulumi:prod::plinth::plinth:index:Database$aws:rds/clusterInstance:ClusterInstance::database-0",
    ]
    assert float(answers[3]) == pytest.approx(51.2)
