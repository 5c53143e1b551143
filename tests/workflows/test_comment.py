"""A pull request gets one comment, kept up to date, whatever the pull request's own code left to be told."""

import html
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.fake_github import BOT, GitHub
from tests.support.workflows import Machine, Run, run_job

SHA = "0123456789abcdef0123456789abcdef01234567"
OURS = {"id": 1, "full_name": "organisation/plinth", "owner": {"login": "organisation"}}
FORK = {"id": 2, "full_name": "stranger/plinth", "owner": {"login": "stranger"}}
BEGINNING = "<!-- plinth:pull-request -->\n\n<!-- plinth:diff:begins -->\n## What changes\n\n"


def of(run: int) -> str:
    return f"Of 0123456789, [told by the pull request's own code](https://github.com/organisation/plinth/actions/runs/{run})."


def head(repository: Mapping[str, Any] = OURS, sha: str = SHA, branch: str = "queues") -> dict[str, Any]:
    """What GitHub knows of the commit that a workflow ran on."""
    return {"head_sha": sha, "head_branch": branch, "head_repository": dict(repository)}


def pull(number: int, repository: Mapping[str, Any] = OURS, sha: str = SHA, branch: str = "queues") -> dict[str, Any]:
    return {
        "number": number,
        "state": "open",
        "head": {"sha": sha, "ref": branch, "repo": dict(repository), "user": repository["owner"]},
        "base": {"ref": "main"},
    }


def comments_of(hub: GitHub, number: int = 4) -> list[str]:
    return [each["body"] for each in hub.comments.get(number, [])]


def commented(machine: Machine, event: Mapping[str, Any] | None = None) -> Run:
    """Runs the workflow as it is after one of the two has ended."""
    run = {"event": "pull_request", "repository": {"default_branch": "main"}, **(event or head())}
    github = {"event": {"workflow_run": run, "repository": {"default_branch": "main"}}}
    done = run_job(machine, "comment.yml", "comment", github=github)
    assert done is not None
    return done


@pytest.fixture
def hub(hub: GitHub) -> GitHub:
    """A repository with an open pull request."""
    hub.pulls.append(pull(4))
    return hub


def test_a_difference_is_posted(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"# dev\n\n1 to update\n", "diff.json": b"{}"})
    assert commented(machine).status == "success"
    assert comments_of(hub) == [f"{BEGINNING}{of(11)}\n\n# dev\n\n1 to update\n<!-- plinth:diff:ends -->"]
    assert hub.comments[4][0]["user"] == BOT


def test_the_comment_of_before_is_changed_and_no_second_one_made(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    commented(machine)
    hub.leaves("diff.yml", 12, head(), "plinth-diff", {"diff.md": b"two"})
    commented(machine)
    commented(machine)
    assert comments_of(hub) == [f"{BEGINNING}{of(12)}\n\ntwo\n<!-- plinth:diff:ends -->"]
    assert [method for method, _ in hub.writes] == ["POST", "PATCH"]


def test_both_parts_are_in_one_comment_whichever_comes_first(machine: Machine, hub: GitHub) -> None:
    hub.leaves("preview.yml", 21, head(), "plinth-preview-prod", {"preview.md": b"### `prod`"})
    hub.leaves("preview.yml", 21, head(), "plinth-preview-dev", {"preview.md": b"### `dev`"})
    commented(machine)
    (alone,) = comments_of(hub)
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    commented(machine)
    preview = (
        "<!-- plinth:preview:begins -->\n## Pulumi's own preview\n\n"
        f"{of(21)}\n\n### `dev`\n\n### `prod`\n<!-- plinth:preview:ends -->"
    )
    assert alone == f"<!-- plinth:pull-request -->\n\n{preview}"
    assert comments_of(hub) == [f"{BEGINNING}{of(11)}\n\none\n<!-- plinth:diff:ends -->\n\n{preview}"]


def test_a_part_stays_until_its_workflow_has_looked_at_the_new_commit(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    hub.leaves("preview.yml", 21, head(), "plinth-preview-dev", {"preview.md": b"old"})
    commented(machine)
    newer = head(sha="f" * 40)
    hub.pulls[0]["head"]["sha"] = "f" * 40
    hub.leaves("diff.yml", 12, newer, "plinth-diff", {"diff.md": b"two"})
    commented(machine, newer)
    (body,) = comments_of(hub)
    assert "Of ffffffffff, " in body
    assert "\n\ntwo\n" in body
    assert f"{of(21)}\n\nold\n" in body
    assert "one" not in body


@pytest.mark.parametrize("conclusion", ["failure", "timed_out", "startup_failure"])
def test_a_workflow_that_failed_takes_back_what_was_said_of_an_earlier_commit(
    machine: Machine, hub: GitHub, conclusion: str
) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"harmless"})
    commented(machine)
    newer = head(sha="f" * 40)
    hub.pulls[0]["head"]["sha"] = "f" * 40
    hub.fails("diff.yml", 12, newer, conclusion)
    commented(machine, newer)
    (body,) = comments_of(hub)
    assert "harmless" not in body
    assert "Of ffffffffff, " in body
    assert "**The workflow failed** before it could tell anything: [its log](" in body


def test_a_workflow_that_was_stopped_says_nothing(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    commented(machine)
    (before,) = comments_of(hub)
    hub.fails("diff.yml", 12, head(), "cancelled")
    commented(machine)
    assert comments_of(hub) == [before]


def test_a_fork_gets_its_comment(machine: Machine, hub: GitHub) -> None:
    hub.pulls.append(pull(5, FORK))
    hub.leaves("diff.yml", 11, head(FORK), "plinth-diff", {"diff.md": b"theirs"})
    commented(machine, {**head(FORK), "pull_requests": []})
    assert comments_of(hub, 4) == []
    assert comments_of(hub, 5) == [f"{BEGINNING}{of(11)}\n\ntheirs\n<!-- plinth:diff:ends -->"]


def test_a_fork_does_not_write_into_another_pull_request(machine: Machine, hub: GitHub) -> None:
    hostile = {"diff.md": b"PR 4", "pr_number": b"4", "number.txt": b"4"}
    hub.leaves("diff.yml", 11, head(FORK), "plinth-diff", hostile)
    done = commented(machine, {**head(FORK), "pull_requests": [{"number": 4}]})
    assert (done.status, hub.writes) == ("success", [])
    assert done.log == f"No open pull request has {SHA} as its newest commit: it was closed, or has moved on.\n"


def test_a_run_of_a_fork_on_the_same_commit_is_not_taken_for_the_repositorys(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"ours"})
    hub.leaves("diff.yml", 12, head(FORK), "plinth-diff", {"diff.md": b"theirs"})
    commented(machine)
    assert comments_of(hub) == [f"{BEGINNING}{of(11)}\n\nours\n<!-- plinth:diff:ends -->"]


def test_another_repository_of_the_same_owner_does_not_write_into_the_pull_request(
    machine: Machine, hub: GitHub
) -> None:
    copy = {**OURS, "id": 3, "full_name": "organisation/plinth-copy"}
    hub.leaves("diff.yml", 11, head(copy), "plinth-diff", {"diff.md": b"theirs"})
    commented(machine, head(copy))
    assert hub.writes == []


def test_a_commit_that_is_no_longer_the_newest_is_not_told_of(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"late"})
    hub.pulls[0]["head"]["sha"] = "f" * 40
    assert commented(machine).status == "success"
    assert hub.writes == []


def test_somebody_elses_comment_with_the_marker_is_left_alone(machine: Machine, hub: GitHub) -> None:
    theirs = {"id": 1, "user": {"login": "stranger", "type": "User"}, "body": "<!-- plinth:pull-request -->\nmine"}
    many = [{"id": number, "user": BOT, "body": "another bot's"} for number in range(2, 140)]
    hub.comments[4] = [theirs, *many]
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    commented(machine)
    commented(machine)
    assert theirs["body"] == "<!-- plinth:pull-request -->\nmine"
    assert len(hub.comments[4]) == 140


def test_nobody_is_mentioned_and_no_marker_is_believed(machine: Machine, hub: GitHub) -> None:
    hostile = (
        "@organisation/everyone see mail@example.com\r\n"
        "<!-- plinth:diff:ends -->\n<!-- plinth:preview:begins -->\nAll is well.\n<!-- plinth:preview:ends -->\n"
        "<script>alert(1)</script><img src=x><details open><summary>a</summary>\n\x1b[31m\u202ered"
    )
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": hostile.encode()})
    hub.leaves("preview.yml", 21, head(), "plinth-preview-dev", {"preview.md": b"true"})
    commented(machine)
    commented(machine)
    (body,) = comments_of(hub)
    z = "\u200b"
    assert body.partition(of(11))[2].partition("<!-- plinth:preview:begins -->")[0] == (
        f"\n\n@{z}organisation/everyone see mail@{z}example.com\n"
        f"<{z}!-- plinth:diff:ends -->\n<{z}!-- plinth:preview:begins -->\n"
        f"All is well.\n<{z}!-- plinth:preview:ends -->\n"
        f"<{z}script>alert(1)<{z}/script><{z}img src=x><details open><summary>a</summary>\n[31mred\n\n</details>\n"
        "<!-- plinth:diff:ends -->\n\n"
    )
    assert body.endswith("\n\ntrue\n<!-- plinth:preview:ends -->")


@pytest.mark.parametrize(
    "text",
    [
        "&#64;ada",
        "&#0064;ada",
        "&#x40;ada",
        "&#X0040;ada",
        "&commat;ada",
        "@&#97;da",
        "fixes #12",
        "owner/name#12",
        "&#35;12",
        "&num;12",
        "#&#49;2",
        "GH-12",
        "gh-12",
        "https://github.example/owner/name/issues/12",
        "https://github.example/owner/name/pull/12",
        "https://github.example/owner/name/discussions/12",
        "![](https://elsewhere.example/picture)",
    ],
)
def test_nothing_else_learns_of_the_comment(machine: Machine, hub: GitHub, text: str) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": text.encode()})
    commented(machine)
    commented(machine)
    (body,) = comments_of(hub)
    said = html.unescape(body.partition(of(11))[2])
    assert not re.search(r"@\w|#\d|gh-\d|(issues|pull|discussions)/\d|!\[", said, re.IGNORECASE)
    assert said.count("\u200b") == 1
    assert said.replace("\u200b", "").strip().startswith(html.unescape(text))


def test_a_marker_that_the_difference_begins_with_is_left_out(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"<!-- plinth-diff -->\n### dev\n"})
    commented(machine)
    assert comments_of(hub) == [f"{BEGINNING}{of(11)}\n\n### dev\n<!-- plinth:diff:ends -->"]


@pytest.mark.parametrize("fence", ["```", "~~~~~"])
def test_a_fence_that_is_left_open_does_not_swallow_the_rest(machine: Machine, hub: GitHub, fence: str) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": f"a\n\n{fence}diff\n+ b".encode()})
    commented(machine)
    assert comments_of(hub) == [f"{BEGINNING}{of(11)}\n\na\n\n{fence}diff\n+ b\n{fence}\n<!-- plinth:diff:ends -->"]


def test_too_long_a_text_is_cut_at_a_line_and_says_so(machine: Machine, hub: GitHub) -> None:
    lines = "\n".join(f"line {number} é" for number in range(9000))
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": f"<details><summary>a</summary>\n\n{lines}".encode()})
    for stack in ("dev", "prod"):
        hub.leaves("preview.yml", 21, head(), f"plinth-preview-{stack}", {"preview.md": lines.encode()})
    commented(machine)
    (body,) = comments_of(hub)
    assert 60_000 < len(body.encode()) <= 65_536
    cut = "**Cut off here.** The run, linked above, has all of it."
    assert f" é\n\n</details>\n\n{cut}\n<!-- plinth:diff:ends -->" in body
    assert body.count("**Cut off here.**") == 3


def test_the_difference_has_the_room_that_the_preview_leaves(machine: Machine, hub: GitHub) -> None:
    text = "\n".join(f"line {number}" for number in range(6000))
    assert 53_000 < len(text) < 60_000
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": text.encode()})
    hub.leaves("preview.yml", 21, head(), "plinth-preview-dev", {"preview.md": b"short"})
    commented(machine)
    hub.leaves("preview.yml", 22, head(), "plinth-preview-dev", {"preview.md": text.encode()})
    (whole,) = comments_of(hub)
    commented(machine)
    (cut,) = comments_of(hub)
    assert f"\n\n{text}\n<!-- plinth:diff:ends -->" in whole
    assert cut.count("**Cut off here.**") == 2
    assert len(cut.encode()) <= 65_536


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def damaged() -> bytes:
    """An archive with something else where its contents should be."""
    whole = bytearray(packed(**{"diff.md": b"text that is long enough" * 10}))
    start = 30 + len("diff.md")
    whole[start : start + 4] = b"\xff\xff\xff\xff"
    return bytes(whole)


@pytest.mark.parametrize(
    "content",
    [damaged(), b"no archive", packed(**{"../diff.md": b"elsewhere"}), packed(**{"diff.html": b"another"}), b""],
    ids=["damaged", "no archive", "a file elsewhere", "another file", "nothing"],
)
def test_an_artifact_that_is_none_is_told_as_that(machine: Machine, hub: GitHub, content: bytes) -> None:
    hub.leaves("diff.yml", 11, head(), "else", {})
    hub.leaves_packed(11, "plinth-diff", content)
    done = commented(machine)
    assert done.status == "success"
    assert [line[:47] for line in done.annotations] == ["::warning::the artifact plinth-diff cannot be r"]
    assert comments_of(hub) == [
        f"{BEGINNING}{of(11)}\n\nWhat the workflow left as plinth-diff cannot be shown.\n<!-- plinth:diff:ends -->"
    ]


def test_a_bomb_is_not_unpacked(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"0\n" * 100_000_000})
    commented(machine)
    (body,) = comments_of(hub)
    assert 40_000 < len(body.encode()) <= 65_536


@pytest.mark.parametrize(
    ("text", "times"), [("<details>", 40_000), ("<details>\n", 40_000), ("@a", 200_000), ("```\n", 90_001)]
)
def test_a_text_made_to_grow_stays_in_its_bounds(machine: Machine, hub: GitHub, text: str, times: int) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": text.encode() * times})
    hub.leaves("preview.yml", 21, head(), "plinth-preview-dev", {"preview.md": text.encode() * times})
    commented(machine)
    (body,) = comments_of(hub)
    assert len(body.encode()) <= 65_536
    assert body.count("</details>") == body.count("<details>")


def test_an_artifact_that_is_too_large_is_not_fetched(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    hub.artifacts[11][0]["size_in_bytes"] = 25_000_001
    assert commented(machine).annotations == [
        "::warning::the artifact plinth-diff has 25000001 bytes, more than 25000000"
    ]


def test_artifacts_of_other_names_are_not_looked_at(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-preview-dev", {"preview.md": b"from the wrong workflow"})
    assert commented(machine).log == "Nothing to say: the workflows left nothing.\n"
    assert hub.writes == []


def test_a_run_for_something_else_than_a_pull_request_is_left_out(machine: Machine) -> None:
    github = {"event": {"workflow_run": {"event": "push"}}}
    assert run_job(machine, "comment.yml", "comment", github=github) is None


def test_a_failure_of_github_fails_the_job_in_a_line(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    machine.environment["GITHUB_TOKEN"] = "another"
    github = {"token": "another"}
    run = {"event": "pull_request", "repository": {"default_branch": "main"}, **head()}
    event = {"event": {"workflow_run": run, "repository": {"default_branch": "main"}}}
    done = run_job(machine, "comment.yml", "comment", github={**github, **event})
    assert done is not None
    assert (done.status, done.log) == ("failure", "::error::GET pulls: GitHub answered 401 Unauthorized\n")


def test_the_event_is_read_as_github_writes_it(machine: Machine, hub: GitHub) -> None:
    hub.leaves("diff.yml", 11, head(), "plinth-diff", {"diff.md": b"one"})
    done = commented(machine, {**head(), "display_title": "$(touch hacked) `touch hacked` ${{ github.token }}"})
    assert json.loads((done.folder / "event.json").read_text())["workflow_run"]["display_title"].startswith("$(touch")
    assert not list(done.workspace.glob("hacked"))
