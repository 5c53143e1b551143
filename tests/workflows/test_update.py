"""New versions of the locked dependencies come as one pull request, made by a job that runs nothing of theirs."""

from typing import Any

import pytest

from tests.support.fake_github import GitHub
from tests.support.workflows import Machine, Run, run_job
from workbench.project import ROOT

LOCKS = {path.name: path.read_bytes() for path in sorted((ROOT / "locks").glob("*.txt"))}
NEWER = {**LOCKS, "installer.txt": b"pip==99.1 \\\n    --hash=sha256:" + b"0" * 64 + b"\n"}


def resolved(machine: Machine, does: str) -> Run:
    machine.program("make", does)
    done = run_job(machine, "update.yml", "resolve", github={})
    assert done is not None
    return done


def proposed(machine: Machine, hub: GitHub, files: dict[str, bytes], **needs: Any) -> Run | None:
    hub.leaves("update.yml", 7, {}, "locks", files)
    github = {"event": {"repository": {"default_branch": "main"}}}
    return run_job(machine, "update.yml", "propose", github=github, needs={"resolve": {"outputs": {"changed": "true"}}})


@pytest.fixture
def hub(hub: GitHub) -> GitHub:
    hub.refs["heads/main"] = "tip"
    hub.commits["tip"] = {"tree": "tree of tip"}
    return hub


def test_new_locks_are_kept_for_the_job_that_may_write(machine: Machine) -> None:
    done = resolved(machine, "echo '# newer' >> locks/installer.txt")
    assert (done.status, done.outputs) == ("success", {"changed": "true"})
    assert machine.calls == ["make locks"]
    assert done.artifacts == {"locks": {**LOCKS, "installer.txt": LOCKS["installer.txt"] + b"# newer\n"}}


def test_nothing_is_proposed_where_nothing_is_newer(machine: Machine) -> None:
    done = resolved(machine, "true")
    assert (done.status, done.outputs, done.artifacts) == ("success", {"changed": ""}, {})
    needs = {"resolve": {"outputs": done.outputs}}
    assert run_job(machine, "update.yml", "propose", github={}, needs=needs) is None


def test_the_locks_become_one_commit_on_the_default_branch_and_a_pull_request(machine: Machine, hub: GitHub) -> None:
    done = proposed(machine, hub, NEWER)
    assert done is not None
    assert (done.status, done.log) == ("success", "Opened pull request 50.\n")
    commit = hub.commits[hub.refs["heads/update/locks"]]
    assert (commit["message"], commit["parents"]) == ("Update the locked dependencies", ["tip"])
    tree = hub.trees[commit["tree"]]
    assert tree["base_tree"] == "tree of tip"
    assert {entry["path"]: entry["content"].encode() for entry in tree["tree"]} == {
        f"locks/{name}": content for name, content in NEWER.items()
    }
    assert [(pull["title"], pull["base"]["ref"]) for pull in hub.pulls] == [("Update the locked dependencies", "main")]


def test_the_pull_request_is_brought_up_to_date_and_no_second_one_opened(machine: Machine, hub: GitHub) -> None:
    proposed(machine, hub, LOCKS)
    first = hub.refs["heads/update/locks"]
    done = proposed(machine, hub, NEWER)
    assert done is not None
    assert done.log == "Brought pull request 50 up to date.\n"
    assert (len(hub.pulls), hub.refs["heads/update/locks"] != first) == (1, True)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.com",
        "pip @ https://example.com/pip.whl",
        "-e .",
        "pip>=1",
        "\x00",
    ],
)
def test_what_is_no_lock_is_not_written(machine: Machine, hub: GitHub, line: str) -> None:
    done = proposed(machine, hub, {**LOCKS, "dev.txt": f"{line}\n".encode()})
    assert done is not None
    assert (done.status, hub.writes) == ("failure", [])
    assert done.annotations[0].startswith("::error::line 1 of dev.txt is none of a lock: ")


def test_nothing_but_locks_is_written(machine: Machine, hub: GitHub) -> None:
    proposed(machine, hub, {**LOCKS, "Makefile": b"all:", "../Makefile": b"all:", "extra.txt": b""})
    (tree,) = hub.trees.values()
    assert [entry["path"] for entry in tree["tree"]] == [f"locks/{name}" for name in LOCKS]
