"""Runs jobs of workflows on this machine as far as that goes: the shell steps, in a clone, with stand-ins around."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.expressions import evaluated, text
from workbench.project import ROOT

FOLDER = ROOT / ".github" / "workflows"


def workflows() -> dict[str, dict[str, Any]]:
    """All workflows by file name. YAML's `on` is True to PyYAML."""
    return {path.name: loaded(path.name) for path in sorted(FOLDER.glob("*.yml"))}


def loaded(name: str) -> dict[str, Any]:
    """One workflow, with `on` under that name."""
    document = yaml.safe_load((FOLDER / name).read_text())
    document["on"] = document.pop(True)
    return document


@dataclass
class Machine:
    """Where jobs run: a folder for each, and programs that stand in the place of real ones."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.programs = self.folder / "programs"
        self.venv = self.folder / "venv"
        self.calls_file = self.folder / "calls"
        for each in (self.programs, self.venv):
            each.mkdir(parents=True)

    def program(self, name: str, does: str = "", *, venv: bool = False) -> None:
        """Puts a shell script on PATH, or into .venv/bin, that notes how it is called and then does something."""
        file = (self.venv if venv else self.programs) / name
        note = f'{{ printf "%s" {name}; printf " %s" "$@"; echo; }} >> {self.calls_file}'
        file.write_text(f"#!/usr/bin/env bash\nset -eu\n{note}\n{does}\n")
        file.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """How the programs were called, in order, with the folder of the job left out."""
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return re.sub(rf"{self.folder}/\w+/temp", "TEMP", text).splitlines()


@dataclass
class Run:
    """One run of a job, while it goes on and afterwards."""

    folder: Path
    status: str = "success"
    steps: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    outputs: dict[str, str] = field(default_factory=dict[str, str])
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    """The actions that would have run, in order, without their versions, and with what they were given."""
    artifacts: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    log: str = ""

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()

    @property
    def annotations(self) -> list[str]:
        """What the log says to GitHub: notices, warnings, errors."""
        return [line for line in self.log.splitlines() if line.startswith("::")]


def run_job(
    machine: Machine,
    workflow: str,
    job: str,
    *,
    github: Mapping[str, Any],
    variables: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    matrix: Mapping[str, Any] | None = None,
    needs: Mapping[str, Any] | None = None,
) -> Run | None:
    """Runs one job; None where its own condition leaves it out."""
    document = loaded(workflow)
    description = document["jobs"][job]
    run = Run(machine.folder / f"run{len(list(machine.folder.glob('run*')))}")
    run.temp.mkdir(parents=True)
    run.workspace.mkdir()
    contexts: dict[str, Any] = {
        "github": {"repository": "organisation/plinth", "run_id": 7, "token": "a token", **github},
        "vars": variables or {},
        "secrets": {},
        "inputs": inputs or {},
        "matrix": matrix or {},
        "needs": needs or {},
        "runner": {"temp": str(run.temp)},
        "steps": run.steps,
        "env": {},
    }
    if "if" in description and not evaluated(description["if"], contexts):
        return None
    contexts["env"] = {name: text(value, contexts) for name, value in description.get("env", {}).items()}
    (run.folder / "event.json").write_text(json.dumps(github.get("event", {})))
    (run.folder / "summary").touch()
    for step in description["steps"]:
        if _skipped(step, contexts, run):
            continue
        worked = _used(step, contexts, run, machine) if "uses" in step else _done(step, contexts, run, machine)
        if not worked:
            run.status = "failure"
    run.outputs = {name: text(value, contexts) for name, value in description.get("outputs", {}).items()}
    return run


def _skipped(step: Mapping[str, Any], contexts: Mapping[str, Any], run: Run) -> bool:
    condition = str(step.get("if", "success()"))
    if run.status != "success" and not re.search(r"\b(always|failure)\(\)", condition):
        return True
    return not evaluated(condition, {**contexts, "job": {"status": run.status}})


def _used(step: Mapping[str, Any], contexts: Mapping[str, Any], run: Run, machine: Machine) -> bool:
    action, given = step["uses"].partition("@")[0], step.get("with", {})
    options = {name: text(value, contexts) for name, value in given.items()}
    run.used.append((action, options))
    if action == "actions/checkout":
        _clone(run.workspace, machine)
    elif action == "actions/upload-artifact":
        files = (
            [path for line in options["path"].split() for path in run.workspace.glob(line)]
            if "*" in (options["path"])
            else [Path(line) for line in options["path"].split()]
        )
        assert files, f"no file of {options['path']} is there"
        run.artifacts[options["name"]] = {path.name: path.read_bytes() for path in files}
    else:
        assert action in _NOTHING_HERE, f"there is no stand-in for {action}"
    return True


_NOTHING_HERE = (
    "./.github/actions/setup",
    "actions/setup-python",
    "aws-actions/configure-aws-credentials",
    "pulumi/actions",
)


def _clone(workspace: Path, machine: Machine) -> None:
    workspace.rmdir()
    _git("clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(workspace))
    # What is being worked on counts, not what was committed last; and no step needs the rest.
    for name in (".github", "locks"):
        shutil.copytree(ROOT / name, workspace / name, ignore=shutil.ignore_patterns("__pycache__"))
    _git("-C", str(workspace), "add", ".github", "locks")
    (workspace / ".venv").mkdir()
    (workspace / ".venv" / "bin").symlink_to(machine.venv)


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, timeout=60)


def _done(step: Mapping[str, Any], contexts: Mapping[str, Any], run: Run, machine: Machine) -> bool:
    output = run.folder / "output"
    output.write_text("")
    environment = {
        "PATH": f"{machine.programs}:{os.environ['PATH']}",
        "HOME": str(run.temp),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CI": "true",
        "GITHUB_REPOSITORY": "organisation/plinth",
        "GITHUB_RUN_ID": str(contexts["github"]["run_id"]),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_EVENT_PATH": str(run.folder / "event.json"),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(run.folder / "summary"),
        "RUNNER_TEMP": str(run.temp),
        **machine.environment,
        **contexts["env"],
        **{name: text(value, contexts) for name, value in step.get("env", {}).items()},
    }
    assert "${{" not in step["run"], "a value goes through env: in the text of a script it could be code"
    result = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=run.workspace,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    run.log += result.stdout
    if "id" in step:
        pairs = [line.partition("=") for line in output.read_text().splitlines()]
        run.steps[step["id"]] = {"outputs": {name: value for name, _, value in pairs}}
    return result.returncode == 0
