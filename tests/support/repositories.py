"""Git repositories with a small project in them, each a folder of a test's own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"), ("DATE", "2026-01-01T00:00:00Z"))
}

QUEUE = """
import pulumi_aws as aws

aws.sqs.Queue("jobs", visibility_timeout_seconds={seconds})
"""
"""A program of one queue."""


class Repository:
    """A repository on a branch `main`, with the project `plinth` and no stack yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write({"Pulumi.yaml": "name: plinth\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n"})

    def git(self, *arguments: str) -> str:
        """What git prints."""
        # Nothing of whoever runs the tests decides: neither their settings nor a repository they are in.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**environment, **_WHO, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        """Writes files of the working tree."""
        for name, content in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content)

    def commit(self, files: Mapping[str, str] | None = None) -> str:
        """Commits the working tree with these files; gives the commit's id."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A change")
        return self.git("rev-parse", "HEAD")

    def stack(self, name: str, program: str, config: str = "") -> dict[str, str]:
        """The files of a stack. All stacks share one program: that of the last one written."""
        return {
            f"stacks/{name}/__init__.py": "",
            f"stacks/Pulumi.{name}.yaml": f"config:\n  aws:region: eu-central-1\n{config}",
            "stacks/__main__.py": program,
        }
