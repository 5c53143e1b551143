"""The commands of the workflows do with the real engine what the workflows take them to do."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.engine import Pulumi, installed, needs_engine
from tests.support.passthrough import DRIFTS
from tests.support.repositories import QUEUE
from workbench.project import ROOT

pytestmark = [needs_engine, pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]

_DRIFTED = 7
"""What `--expect-no-changes` ends with where something differs, in .github/workflows/drift.yml."""


@pytest.fixture(scope="module")
def pulumi(tmp_path_factory: pytest.TempPathFactory) -> Pulumi:
    """A project of one queue, deployed."""
    made = installed(tmp_path_factory.mktemp("engine-commands"))
    project = made.folder / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(
        f"name: plinth\nruntime:\n  name: python\n  options:\n    virtualenv: {made.checkout}/.venv\n"
    )
    write(made, 30)
    made.done("stack", "init", "test", cwd=project)
    made.done("config", "set", "aws:region", "eu-central-1", "--stack", "test", cwd=project)
    made.done("up", "--yes", "--skip-preview", "--stack", "test", cwd=project)
    return made


def write(pulumi: Pulumi, seconds: int) -> Path:
    project = pulumi.folder / "project"
    (project / "__main__.py").write_text(QUEUE.format(seconds=seconds))
    return project


def test_a_deployment_is_kept_to_the_plan_of_its_preview(pulumi: Pulumi) -> None:
    plan = str(pulumi.folder / "plan.json")
    project = write(pulumi, 60)
    pulumi.done("preview", "--stack", "test", "--save-plan", plan, "--diff", cwd=project)
    write(pulumi, 90)
    other = pulumi("up", "--stack", "test", "--yes", "--skip-preview", "--plan", plan, cwd=project)
    assert other.returncode != 0
    assert "violates plan" in other.stdout + other.stderr
    write(pulumi, 60)
    pulumi.done("up", "--stack", "test", "--yes", "--skip-preview", "--plan", plan, cwd=project)


def test_drift_is_told_from_its_absence_and_from_a_failure(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    project = pulumi.folder / "project"
    monkeypatch.setenv("PULUMI_ENABLE_STREAMING_JSON_PREVIEW", "true")
    look = ("refresh", "--stack", "test", "--preview-only", "--expect-no-changes", "--json")
    assert pulumi(*look, cwd=project).returncode == 0
    monkeypatch.setenv(DRIFTS, "jobs.visibilityTimeoutSeconds=5")
    drifted = pulumi(*look, cwd=project)
    assert drifted.returncode == _DRIFTED
    told = reported(drifted.stdout, drifted.returncode, pulumi.folder)
    assert "1 to update" in told
    assert "| update | `jobs` | `aws:sqs/queue:Queue` | `visibilityTimeoutSeconds` |" in told
    assert pulumi("refresh", "--stack", "nothing", *look[3:], cwd=project).returncode not in (0, _DRIFTED)


def test_a_preview_is_told_by_its_names(pulumi: Pulumi) -> None:
    project = write(pulumi, 120)
    preview = pulumi.done("preview", "--stack", "test", "--json", cwd=project)
    assert json.loads(preview)["steps"]
    told = reported(preview, 0, pulumi.folder)
    assert "1 to update" in told
    assert "visibilityTimeoutSeconds" in told
    assert "120" not in told


def reported(output: str, exit_code: int, folder: Path) -> str:
    """What the workflows write about the output of a command."""
    file = folder / "output.json"
    file.write_text(output)
    spec = importlib.util.spec_from_file_location("report_preview", ROOT / ".github/scripts/report_preview.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(os.fspath(ROOT / ".github/scripts"))
        patch.setitem(sys.modules, "report_preview", module)
        spec.loader.exec_module(module)
    return module.main("test", file, exit_code)
