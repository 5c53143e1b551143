"""The workflows pass the linters of their field, and a few rules that those do not have."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.workflows import loaded, workflows
from workbench.project import ROOT, stack_names

_NAMES = sorted(workflows())
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
_TOOLS = {**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}


def test_actionlint_has_nothing_to_say() -> None:
    actionlint = shutil.which("actionlint", path=_TOOLS["PATH"])
    if actionlint is None:
        pytest.skip(
            "There is no actionlint: GOBIN=$PWD/.venv/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
        )
    assert shutil.which("shellcheck", path=_TOOLS["PATH"]) is not None
    files = [str(path) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    found = subprocess.run([actionlint, *files], cwd=ROOT, env=_TOOLS, capture_output=True, text=True, timeout=100)
    assert (found.stdout, found.stderr, found.returncode) == ("", "", 0)


def test_zizmor_has_nothing_to_say() -> None:
    zizmor = shutil.which("zizmor", path=_TOOLS["PATH"])
    assert zizmor is not None
    command = [
        zizmor,
        "--offline",
        "--persona=auditor",
        "--quiet",
        "--color=never",
        "--format=plain",
        str(ROOT / ".github"),
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert found.stdout.startswith("No findings to report."), found.stdout + found.stderr
    assert found.returncode == 0


def test_every_exception_to_a_linter_has_its_reason() -> None:
    lines = [line for path in _files() for line in path.read_text().splitlines() if "zizmor: ignore" in line]
    assert [bool(re.search(r"zizmor: ignore\[[a-z-]+\] \w+", line)) for line in lines] == [True]


def test_every_action_is_pinned_by_its_commit_with_its_version_beside() -> None:
    used = [
        found[1]
        for path in _files()
        for line in path.read_text().splitlines()
        if (found := re.match(r"\s*(?:- )?uses: (.*)", line)) is not None
    ]
    of_others = [each for each in used if not each.startswith("./")]
    assert [each for each in of_others if not _PINNED.fullmatch(each)] == []
    assert len({each.partition("@")[0] for each in of_others}) == len(set(of_others)), "an action has two versions"


@pytest.mark.parametrize("name", _NAMES)
def test_a_workflow_has_no_rights_but_those_a_job_asks_for(name: str) -> None:
    document = loaded(name)
    assert document["permissions"] == {}
    assert [job for job, each in document["jobs"].items() if not each.get("permissions")] == []


def test_these_jobs_may_write_and_no_others() -> None:
    writes = {
        f"{name}:{job}": sorted(right for right, level in each["permissions"].items() if level == "write")
        for name, document in workflows().items()
        for job, each in document["jobs"].items()
    }
    assert {job: rights for job, rights in writes.items() if rights} == {
        "comment.yml:comment": ["pull-requests"],
        "deploy-stack.yml:deploy": ["id-token"],
        "deploy.yml:dev": ["id-token"],
        "deploy.yml:prod": ["id-token"],
        "drift.yml:drift": ["id-token", "issues"],
        "preview.yml:preview": ["id-token"],
        "update.yml:propose": ["contents", "pull-requests"],
    }


@pytest.mark.parametrize("name", _NAMES)
def test_a_workflow_ends_and_does_not_run_beside_itself(name: str) -> None:
    document = loaded(name)
    assert document["concurrency"]["group"]
    assert "cancel-in-progress" in document["concurrency"]
    jobs = [each for each in document["jobs"].values() if "uses" not in each]
    assert all(5 <= each["timeout-minutes"] <= 120 for each in jobs)


@pytest.mark.parametrize("name", ["comment.yml", "deploy.yml", "deploy-stack.yml", "drift.yml"])
def test_what_writes_is_never_stopped_half_way(name: str) -> None:
    assert loaded(name)["concurrency"]["cancel-in-progress"] is False


@pytest.mark.parametrize("name", _NAMES)
def test_a_checkout_leaves_no_token_behind(name: str) -> None:
    checkouts = [step for step in _steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


@pytest.mark.parametrize("name", _NAMES)
def test_no_pull_request_meets_a_secret(name: str) -> None:
    document = loaded(name)
    assert "pull_request_target" not in document["on"]
    if "pull_request" in document["on"]:
        assert "secrets" not in (ROOT / ".github" / "workflows" / name).read_text()


def test_what_writes_comments_has_no_code_of_the_pull_request() -> None:
    (checkout,) = [step for step in _steps("comment.yml") if "uses" in step]
    assert checkout["with"] == {
        "ref": "${{ github.event.repository.default_branch }}",
        "sparse-checkout": ".github/scripts",
        "persist-credentials": False,
    }


def test_the_gate_runs_on_both_ends_of_the_pythons() -> None:
    job = loaded("test.yml")["jobs"]["gate"]
    assert job["strategy"]["matrix"] == {"python": ["3.11", "3.13"]}
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]


def test_pulumi_is_the_version_that_is_locked() -> None:
    (locked,) = re.findall(r"^pulumi==([\d.]+)", (ROOT / "locks" / "dev.txt").read_text(), re.MULTILINE)
    versions = [
        step["with"]["pulumi-version"]
        for name in _NAMES
        for step in _steps(name)
        if step.get("uses", "").startswith("pulumi/actions@")
    ]
    assert versions == [locked] * 3


def test_what_ends_up_in_a_comment_comes_from_workflows_that_are_named_so() -> None:
    names = [loaded(name)["name"] for name in ("diff.yml", "preview.yml")]
    assert loaded("comment.yml")["on"] == {"workflow_run": {"workflows": names, "types": ["completed"]}}


@pytest.mark.parametrize("name", ["preview.yml", "drift.yml"])
def test_a_workflow_looks_at_stacks_that_there_are(name: str) -> None:
    (job,) = loaded(name)["jobs"].values()
    assert set(job["strategy"]["matrix"]["stack"]) <= set(stack_names())


def test_the_set_up_is_that_of_the_makefile() -> None:
    action = yaml.safe_load((ROOT / ".github" / "actions" / "setup" / "action.yml").read_text())
    assert [step["run"] for step in action["runs"]["steps"] if "run" in step] == ["make setup"]


def _files() -> list[Path]:
    return sorted((ROOT / ".github").rglob("*.yml"))


def _steps(name: str) -> Iterator[Mapping[str, Any]]:
    for job in loaded(name)["jobs"].values():
        yield from job.get("steps", [])
