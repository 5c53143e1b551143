"""The credential-free difference: compared, kept for the comment, and refused where nobody has accepted a risk."""

import subprocess
import sys

import pytest

from tests.support.workflows import Machine, Run, run_job
from workbench.project import ROOT

_WRITES = """
for ((i = 1; i <= $#; i++)); do
  if [[ "${!i}" == --save ]]; then j=$((i + 1)); mkdir -p "${!j}"; fi
done
if [[ "$*" == *--save* ]]; then
  for ending in txt md json html; do echo "as $ending" > "${!j}/diff.$ending"; done
  echo "# the difference"
fi
if [[ "$*" == *--fail-on* ]]; then exit "${RISKY:-0}"; fi
"""


def compared(machine: Machine, *labels: str, fails: int = 0, variables: dict[str, str] | None = None) -> Run:
    machine.program("plinth", _WRITES, venv=True)
    machine.environment["RISKY"] = str(fails)
    pull = {"number": 4, "base": {"ref": "main"}, "labels": [{"name": label} for label in labels]}
    done = run_job(machine, "diff.yml", "diff", github={"event": {"pull_request": pull}}, variables=variables)
    assert done is not None
    return done


def test_the_difference_is_summed_up_and_kept_in_three_formats(machine: Machine) -> None:
    done = compared(machine)
    assert done.status == "success"
    assert machine.calls == [
        "plinth diff --base origin/main --save TEMP/out --format markdown",
        "plinth diff --base origin/main --fail-on data-loss",
    ]
    assert done.summary == "# the difference\n"
    assert done.artifacts == {
        "plinth-diff": {"diff.md": b"as md\n", "diff.json": b"as json\n", "diff.html": b"as html\n"}
    }
    assert [action for action, _ in done.used] == [
        "actions/checkout",
        "./.github/actions/setup",
        "actions/upload-artifact",
    ]
    assert done.used[0][1] == {"fetch-depth": "0", "persist-credentials": "false"}


def test_data_at_risk_stops_the_pull_request_and_is_told_all_the_same(machine: Machine) -> None:
    done = compared(machine, fails=1)
    assert done.status == "failure"
    assert [*done.artifacts] == ["plinth-diff"]
    assert done.annotations == [
        "::error::This needs a decision: see the risks above. If it is meant, label it data-loss-accepted."
    ]


def test_a_comparison_that_fails_is_no_risk_to_accept(machine: Machine) -> None:
    done = compared(machine, fails=2)
    assert (done.status, done.annotations) == ("failure", [])


@pytest.mark.parametrize(
    ("refused", "labels", "asked"),
    [
        (None, (), "data-loss"),
        (None, ("data-loss-accepted",), None),
        (None, ("access-accepted", "bug"), "data-loss"),
        (None, ("not-data-loss-accepted", 'x"data-loss-accepted', "data-loss-accepted-not"), "data-loss"),
        ("data-loss,access", (), "data-loss,access"),
        ("data-loss,access", ("data-loss-accepted",), "access"),
        ("data-loss,access", ("data-loss-accepted", "access-accepted"), None),
        ("none", (), None),
    ],
)
def test_a_label_lifts_its_own_kind_of_risk(
    machine: Machine, refused: str | None, labels: tuple[str, ...], asked: str | None
) -> None:
    done = compared(machine, *labels, variables={"PLINTH_FAIL_ON": refused} if refused else None)
    assert done.status == "success"
    assert machine.calls[1:] == ([f"plinth diff --base origin/main --fail-on {asked}"] if asked else [])


def test_the_command_knows_the_options_that_the_workflow_gives_it() -> None:
    command = [sys.executable, "-m", "workbench", "diff", "--help"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert [option for option in ("--base", "--save", "--format", "--fail-on") if option not in said] == []
