"""Which commits are compared, where they are checked out, and that nothing of that is left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repositories import Repository
from workbench.diff.model import Revision
from workbench.diff.revisions import checked_out
from workbench.errors import UserError


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "checkout")
    made.commit({"told": "first"})
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_the_base_is_a_folder_with_the_commit_and_the_head_is_the_working_tree(
    repository: Repository, state: Path
) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.write({"told": "second"})
    with checked_out("main", None, repository.folder, state) as sides:
        assert (sides.base.root / "told").read_text() == "first"
        assert sides.base.revision == Revision("main", first)
        assert sides.head.root == repository.folder
        assert sides.head.revision == Revision("the working tree", None)
        assert sides.notes == []


def test_a_clean_working_tree_has_the_commit_it_is_at(repository: Repository, state: Path) -> None:
    with checked_out("main", None, repository.folder, state) as sides:
        assert sides.head.revision == Revision("the working tree", repository.git("rev-parse", "HEAD"))


def test_both_sides_may_be_commits(repository: Repository, state: Path) -> None:
    second = repository.commit({"told": "second"})
    repository.write({"told": "third"})
    with checked_out("HEAD~1", "main", repository.folder, state) as sides:
        assert (sides.base.root / "told").read_text() == "first"
        assert (sides.head.root / "told").read_text() == "second"
        assert sides.head.revision == Revision("main", second)


def test_what_others_merged_since_is_not_undone(repository: Repository, state: Path) -> None:
    start = repository.git("rev-parse", "HEAD")
    repository.git("switch", "--quiet", "--create", "mine")
    repository.commit({"mine": "added"})
    repository.git("switch", "--quiet", "main")
    repository.commit({"theirs": "added"})
    repository.commit({"theirs": "changed"})
    with checked_out("main", "mine", repository.folder, state) as sides:
        assert sides.base.revision == Revision("main", start)
        assert sides.notes == ["main has 2 commits that the head lacks: they are left out of the comparison."]


def test_without_a_common_commit_the_two_are_compared_as_they_are(repository: Repository, state: Path) -> None:
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit({"told": "elsewhere"})
    with checked_out("main", "other", repository.folder, state) as sides:
        assert sides.base.revision.commit == repository.git("rev-parse", "main")
        (note,) = sides.notes
        assert note.startswith("main and the head have no common commit in this clone")


def test_the_base_is_what_the_remote_has_and_else_the_branch_here(repository: Repository, state: Path) -> None:
    with checked_out(None, None, repository.folder, state) as sides:
        assert sides.base.revision.label == "main"
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    with checked_out(None, None, repository.folder, state) as sides:
        assert sides.base.revision.label == "origin/main"


def test_without_either_the_error_says_what_to_type(repository: Repository, state: Path) -> None:
    repository.git("branch", "--move", "trunk")
    with pytest.raises(UserError) as told, checked_out(None, None, repository.folder, state):
        pass
    assert str(told.value) == (
        "There is no origin/main to compare with: fetch it with `git fetch origin main`, or name another commit, "
        "such as --base HEAD."
    )


@pytest.mark.parametrize("name", ["no-such-branch", "--output=/tmp/x", "", "HEAD:told", "main..main"])
@pytest.mark.parametrize("option", ["--base", "--head"])
def test_what_is_no_commit_is_refused(repository: Repository, state: Path, name: str, option: str) -> None:
    base, head = (name, "main") if option == "--base" else ("main", name or "-")
    refused = pytest.raises(UserError, match=rf"There is no commit '.*' here: .* give {option} a branch")
    with refused, checked_out(base, head, repository.folder, state):
        pass


def test_a_folder_without_git_is_told(tmp_path: Path, state: Path) -> None:
    refused = pytest.raises(UserError, match="This is no git checkout")
    with refused, checked_out("main", None, tmp_path, state):
        pass


def test_a_machine_without_git_is_told(repository: Repository, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository.folder))
    with pytest.raises(UserError, match="no git on the PATH"), checked_out("main", None, repository.folder, state):
        pass


def test_nothing_is_left_afterwards(repository: Repository, state: Path) -> None:
    with pytest.raises(ZeroDivisionError), checked_out("main", "HEAD", repository.folder, state):
        raise ZeroDivisionError
    assert list((state / "diff").iterdir()) == []
    assert repository.git("worktree", "list").count("\n") == 0
    assert repository.git("status", "--porcelain") == ""


def test_what_a_killed_process_left_goes_with_the_next(repository: Repository, state: Path) -> None:
    program = (
        "import os, pathlib, sys; from workbench.diff.revisions import checked_out\n"
        "with checked_out('main', None, pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(repository.folder), str(state)], check=False, timeout=60)
    assert done.returncode == -9
    (left,) = [path for path in (state / "diff").iterdir() if path.is_dir()]
    with checked_out("main", None, repository.folder, state):
        assert not left.exists()
        assert len(repository.git("worktree", "list").splitlines()) == 2
    assert list((state / "diff").iterdir()) == []


def test_nothing_that_is_not_a_worktree_of_ours_is_removed(repository: Repository, state: Path, tmp_path: Path) -> None:
    # A checkout may have a link where the state is, to a folder with locks of other tools in it.
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "poetry").mkdir(parents=True)
    (elsewhere / "poetry" / "kept").touch()
    (elsewhere / "poetry.lock").touch()
    named, target = "0" * 32, tmp_path / "target"
    target.touch()
    (elsewhere / named).mkdir()
    (elsewhere / f"{named}.lock").symlink_to(target)
    state.mkdir(parents=True, exist_ok=True)
    (state / "diff").symlink_to(elsewhere)
    with checked_out("main", None, repository.folder, state):
        pass
    assert sorted(path.name for path in elsewhere.iterdir()) == [named, f"{named}.lock", "poetry", "poetry.lock"]
    assert (elsewhere / "poetry" / "kept").exists()


def test_the_names_of_files_need_be_no_text(repository: Repository, state: Path) -> None:
    repository.git("config", "core.quotePath", "false")
    (repository.folder / os.fsdecode(b"caf\xe9")).touch()
    with checked_out("main", None, repository.folder, state) as sides:
        assert sides.head.revision == Revision("the working tree", None)


def test_nothing_is_fetched_for_files_that_are_kept_elsewhere(repository: Repository, state: Path) -> None:
    repository.git("config", "filter.lfs.smudge", 'test -n "$GIT_LFS_SKIP_SMUDGE" && cat')
    repository.git("config", "filter.lfs.clean", "cat")
    repository.git("config", "filter.lfs.required", "true")
    repository.commit({".gitattributes": "large filter=lfs\n", "large": "a pointer"})
    with checked_out("HEAD", None, repository.folder, state) as sides:
        assert (sides.base.root / "large").read_text() == "a pointer"


def test_two_at_once_leave_each_other_alone(repository: Repository, state: Path) -> None:
    with checked_out("main", None, repository.folder, state) as one:
        with checked_out("main", None, repository.folder, state) as other:
            assert one.base.root != other.base.root
        assert (one.base.root / "told").read_text() == "first"


def test_no_hook_of_the_checkout_runs(repository: Repository, state: Path, tmp_path: Path) -> None:
    hook = repository.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with checked_out("main", None, repository.folder, state):
        assert not (tmp_path / "ran").exists()
    repository.git("switch", "--quiet", "--create", "proof")
    assert (tmp_path / "ran").exists()


def test_a_hook_may_call_it(repository: Repository, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    with checked_out("main", None, repository.folder, state) as sides:
        assert (sides.base.root / "told").read_text() == "first"


def test_the_project_may_be_a_folder_of_a_larger_repository(repository: Repository, state: Path) -> None:
    repository.commit({"infrastructure/told": "inside"})
    with checked_out("main", "HEAD", repository.folder / "infrastructure", state) as sides:
        assert (sides.base.root / "told").read_text() == "inside"
        assert (sides.head.root / "told").read_text() == "inside"
