"""The two sides of a comparison as folders: the working tree, and git worktrees that are gone afterwards."""

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.diff.model import Revision
from workbench.errors import UserError, quoted
from workbench.local.files import locked
from workbench.project import ROOT, STATE

DEFAULT_BASES = ("origin/main", "main")
"""What a branch is compared with unless somebody says otherwise: the first of them that there is."""

_NO_GIT = "This is no git checkout, and plinth diff compares commits: clone the repository."


@dataclass(frozen=True)
class Side:
    """A revision, checked out."""

    revision: Revision
    root: Path


@dataclass(frozen=True)
class Sides:
    """What is compared with what, and what its reader should know of that."""

    base: Side
    head: Side
    notes: Sequence[str]


@contextmanager
def checked_out(base: str | None, head: str | None, root: Path = ROOT, state: Path = STATE) -> Generator[Sides]:
    """Both sides as folders for as long as the block lasts. Without `head`, the working tree as it is.

    The base is where the head left it (the merge base), so that what others merged since is not taken for undone.
    Raises UserError where there is no such revision, or no git.
    """
    prefix = _git(root, "rev-parse", "--show-prefix", otherwise=_NO_GIT)
    tip_name = _chosen(root, base)
    tip = _commit(root, tip_name, "--base")
    head_commit = _commit(root, head or "HEAD", "--head")
    start, notes = _where_they_parted(root, tip_name, tip, head_commit)
    with ExitStack() as worktrees:
        base_root = worktrees.enter_context(_worktree(root, start, state))
        if head is None:
            dirty = _git(root, "status", "--porcelain") != ""
            revision = Revision("the working tree", None if dirty else head_commit)
            head_side = Side(revision, root)
        else:
            head_root = worktrees.enter_context(_worktree(root, head_commit, state))
            head_side = Side(Revision(head, head_commit), head_root / prefix)
        yield Sides(Side(Revision(tip_name, start), base_root / prefix), head_side, notes)


def _chosen(root: Path, base: str | None) -> str:
    if base is not None:
        return base
    for name in DEFAULT_BASES:
        if _found(root, name):
            return name
    raise UserError(
        f"There is no {DEFAULT_BASES[0]} to compare with: fetch it with `git fetch origin main`, "
        "or name another commit, such as --base HEAD."
    )


def _commit(root: Path, name: str, option: str) -> str:
    if commit := _found(root, name):
        return commit
    raise UserError(
        f"There is no commit {quoted(name)} here: fetch it with `git fetch`, or give {option} a branch, a tag or a "
        "commit that `git log` shows."
    )


def _found(root: Path, name: str) -> str | None:
    done = _run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return done.stdout.strip() or None if done.returncode == 0 else None


def _where_they_parted(root: Path, name: str, tip: str, head: str) -> tuple[str, list[str]]:
    done = _run(root, "merge-base", tip, head)
    start = done.stdout.strip()
    if done.returncode or not start:
        warning = (
            f"{name} and the head have no common commit in this clone, so they are compared as they are: what others "
            f"merged into {name} since looks undone. Fetch the whole history to mend that."
        )
        return tip, [warning]
    ahead = int(_git(root, "rev-list", "--count", f"{start}..{tip}"))
    if not ahead:
        return start, []
    commits = "1 commit" if ahead == 1 else f"{ahead} commits"
    return start, [f"{name} has {commits} that the head lacks: they are left out of the comparison."]


@contextmanager
def _worktree(root: Path, commit: str, state: Path) -> Generator[Path]:
    """A commit in a folder of its own. One that a killed process left behind goes at the next chance."""
    home = state / "diff"
    home.mkdir(parents=True, exist_ok=True)
    _forget_abandoned(root, home)
    folder = home / uuid.uuid4().hex
    # Locked before it is there, so that nobody takes it for abandoned.
    with locked(_lock_of(folder)):
        try:
            _git(root, "worktree", "add", "--detach", "--force", "--quiet", str(folder), commit)
            yield folder
        finally:
            _forget(root, folder)


def _forget_abandoned(root: Path, home: Path) -> None:
    for lock in home.glob("*.lock"):
        # The folder may be anywhere, if it is a link. Only what has a name of ours is ours to remove.
        if not re.fullmatch("[0-9a-f]{32}", lock.stem) or lock.is_symlink():
            continue
        with locked(lock) as abandoned:
            if abandoned:
                _forget(root, lock.with_suffix(""))


def _forget(root: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run(root, "worktree", "prune")
    _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _git(root: Path, *arguments: str, otherwise: str | None = None) -> str:
    done = _run(root, *arguments)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
        raise UserError(otherwise if otherwise and "dubious" not in said else f"git {arguments[0]}: {said}")
    return done.stdout.strip()


def _run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # Neither a hook that calls this command nor one of the checkout may reach into the worktrees.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", *arguments],
            cwd=root,
            # What git LFS keeps elsewhere is no code: it stays there.
            env={**environment, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            # The name of a file may be no text.
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise UserError("plinth diff compares commits, and there is no git on the PATH: install it.") from None
