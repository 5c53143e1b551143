"""What a contributor is asked for can be done, and the hooks refuse what the gate would."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.checkout import copy_of_checkout
from workbench.project import ROOT

_BIN = ROOT / ".venv" / "bin"
_HOOKS = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the project's files and its hooks' settings, and with one commit."""
    copy_of_checkout(tmp_path)
    shutil.rmtree(tmp_path / ".plinth")
    shutil.copytree(ROOT / ".github", tmp_path / ".github", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".pre-commit-config.yaml", tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / ".git" / "info" / "exclude").write_text(".venv\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--no-verify", "--message=All")
    return tmp_path


def hook(folder: Path, name: str, file: str) -> subprocess.CompletedProcess[str]:
    """Runs a hook as a commit of one file would."""
    stage = _HOOKS[name].get("stages", ["pre-commit"])[0]
    command = [str(_BIN / "pre-commit"), "run", name, "--hook-stage", stage, "--files", file]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)


def test_the_hooks_are_valid() -> None:
    command = [str(_BIN / "pre-commit"), "validate-config", ".pre-commit-config.yaml"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_every_tool_of_a_hook_is_the_one_of_the_lock() -> None:
    assert {hook["language"] for hook in _HOOKS.values()} == {"system"}
    tools = {hook["entry"].split()[0] for hook in _HOOKS.values() if not hook["entry"].startswith("bash")}
    assert sorted(tool for tool in tools if not (tool.startswith(".venv/bin/") and (ROOT / tool).exists())) == []


@pytest.mark.parametrize(
    ("name", "file", "broken"),
    [
        ("ruff", "components/grants.py", "import os\n"),
        ("ruff-format", "components/grants.py", "a = { }\n"),
        ("imports", "components/grants.py", "import service.core.settings\n"),
        ("zizmor", ".github/workflows/test.yml", "      - run: echo ${{ github.event.pull_request.title }}\n"),
        ("shellcheck", "stacks/run.sh", "#!/bin/sh\necho $1\n"),
        ("hadolint", "Dockerfile", "FROM python\n"),
    ],
)
def test_a_broken_file_is_refused_and_a_sound_one_is_not(checkout: Path, name: str, file: str, broken: str) -> None:
    path = checkout / file
    before = path.read_text() if path.exists() else None
    if before is not None:
        passed = hook(checkout, name, file)
        assert passed.returncode == 0, passed.stdout
    path.write_text((before or "") + broken)
    git(checkout, "add", file)
    assert hook(checkout, name, file).returncode == 1


def test_what_is_slow_waits_for_the_push() -> None:
    assert [name for name, hook in _HOOKS.items() if hook.get("stages") == ["pre-push"]] == ["pyright", "policies"]


def test_contributing_fits_on_a_page_and_names_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert len(text.splitlines()) <= 60
    links = re.findall(r"\]\(([^)#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [target for target in re.findall(r"`?make ([a-z]+)`?", text) if target not in targets] == []


def test_issues_and_pull_requests_ask_for_the_difference() -> None:
    templates = [*(ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"), ROOT / ".github" / "pull_request_template.md"]
    asking = sorted(path.name for path in templates if "plinth diff" in path.read_text())
    assert asking == ["change.yml", "fault.yml", "pull_request_template.md"]
