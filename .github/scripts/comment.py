"""Brings the one comment on a pull request up to date: the difference, and below it the real preview.

It runs with the right to write, on the code of the default branch, after a workflow that ran a pull request's code. So
it believes nothing of what that workflow left but its text, and asks GitHub itself whose pull request it is.

Whichever workflow ended, it looks for what both have said of the same commit. So it does no harm when one of its own
runs is dropped for a later one, and two of them write the same.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from github_api import BOT, RefusedError, Repository, event, say, stop
from untrusted import harmless

MARKER = "<!-- plinth:pull-request -->"
"""The first line of the comment."""

MOST = 65_536
"""What GitHub takes as the text of a comment, in characters; counted here in bytes, which are never fewer."""

_READ = 400_000


@dataclass(frozen=True)
class Part:
    """One section of the comment, and the workflow that it comes from."""

    name: str
    title: str
    workflow: str
    """The file of the workflow. A pull request may bring another of the same name, but not of the same file."""
    artifacts: re.Pattern[str]
    file: str
    most: int
    """The bytes that the section may have; the first part leaves to the others what they need of it."""


PARTS: Sequence[Part] = (
    Part("diff", "What changes", "diff.yml", re.compile("plinth-diff"), "diff.md", 65_000),
    Part(
        "preview", "Pulumi's own preview", "preview.yml", re.compile("plinth-preview-[a-z0-9]+"), "preview.md", 18_000
    ),
)


def main() -> None:
    """Reads the event, and writes the comment."""
    repository, run = Repository.of_this_workflow(), event()["workflow_run"]
    if run["event"] != "pull_request":
        say("The workflow did not run for a pull request: there is nothing to comment on.")
        return
    pull = _pull_request(repository, run)
    if pull is None:
        say(f"No open pull request has {run['head_sha']} as its newest commit: it was closed, or has moved on.")
        return
    here = _comment(repository, pull["number"])
    former = _sections(here["body"]) if here else {}
    sections = {part.name: _section(repository, run, part, former.get(part.name, "")) for part in PARTS}
    if not any(sections.values()):
        say("Nothing to say: the workflows left nothing.")
        return
    body = _body(sections)
    if here is None:
        repository.send("POST", f"issues/{pull['number']}/comments", {"body": body})
        say(f"Commented on pull request {pull['number']}.")
    elif here["body"] == body:
        say(f"The comment on pull request {pull['number']} says all of it already.")
    else:
        repository.send("PATCH", f"issues/comments/{here['id']}", {"body": body})
        say(f"Brought the comment on pull request {pull['number']} up to date.")


def _pull_request(repository: Repository, run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The open pull request whose newest commit the run was of.

    The event names none for a fork, and an artifact could name any, so it is looked up by what GitHub knows of the run.
    """
    head = run["head_repository"]
    if head is None:
        return None
    branch, base = run["head_branch"], run["repository"]["default_branch"]
    query = {"state": "open", "head": f"{head['owner']['login']}:{branch}", "base": base}
    for pull in repository.all("pulls", **query):
        of_this_run = (
            pull["head"]["sha"] == run["head_sha"]
            and pull["head"]["ref"] == branch
            and pull["head"]["repo"] is not None
            and pull["head"]["repo"]["id"] == head["id"]
            and pull["base"]["ref"] == base
        )
        if of_this_run:
            return pull
    return None


def _comment(repository: Repository, number: int) -> Mapping[str, Any] | None:
    """The comment of before: ours by its author, too, since everybody can write a marker."""
    for comment in repository.all(f"issues/{number}/comments"):
        author = comment["user"]
        if author is not None and author["login"] == BOT and comment["body"].startswith(MARKER):
            return comment
    return None


_FAILED = ("failure", "startup_failure", "timed_out")


def _section(repository: Repository, run: Mapping[str, Any], part: Part, former: str) -> str:
    """What a part's workflow says of the commit; what it said before, where it has not ended, or was stopped."""
    newest = _newest(repository, run, part)
    if newest is None:
        return former
    address = repository.page_of(newest["id"])
    names = sorted(
        {
            each["name"]
            for each in repository.all(f"actions/runs/{newest['id']}/artifacts", "artifacts")
            if part.artifacts.fullmatch(each["name"])
        }
    )
    texts = list[str]()
    for name in names[:10]:
        try:
            found = repository.artifact(newest["id"], name, {part.file: _READ})
        except RefusedError as error:
            say(f"::warning::{error}")
            found = {part.file: f"What the workflow left as {name} cannot be shown."}
        if found is not None:
            texts.append(found[part.file])
    title = f"## {part.title}\n\nOf {run['head_sha'][:10]}, [told by the pull request's own code]({address}).\n\n"
    if not texts:
        # What was said of an earlier commit must not be taken for what is true of this one.
        failed = f"**The workflow failed** before it could tell anything: [its log]({address}) says why."
        return title + failed if newest.get("conclusion") in _FAILED else former
    room = (part.most - len(title.encode())) // len(texts)
    rest = f"**Cut off here.** [The run]({address}) has all of it."
    return title + "\n\n".join(harmless(text, room - 2, rest) for text in texts)


def _newest(repository: Repository, run: Mapping[str, Any], part: Part) -> Mapping[str, Any] | None:
    """The part's newest run that has ended, of the same commit of the same branch of the same repository."""
    query = {"head_sha": run["head_sha"], "event": "pull_request", "status": "completed"}
    runs = [
        each
        for each in repository.all(f"actions/workflows/{part.workflow}/runs", "workflow_runs", **query)
        if each["head_sha"] == run["head_sha"]
        and each["head_branch"] == run["head_branch"]
        and each["head_repository"] is not None
        and each["head_repository"]["id"] == run["head_repository"]["id"]
    ]
    return max(runs, key=lambda each: each["id"], default=None)


_OPENS: Callable[[str], str] = "<!-- plinth:{}:begins -->".format
_ENDS: Callable[[str], str] = "<!-- plinth:{}:ends -->".format


def _body(sections: Mapping[str, str]) -> str:
    first, *others = PARTS
    around = "\n\n".join([MARKER, *(_framed(part.name, sections[part.name]) for part in others if sections[part.name])])
    if not sections[first.name]:
        return around
    room = MOST - len((around + "\n\n" + _framed(first.name, "")).encode())
    text = harmless(sections[first.name], room, "**Cut off here.** The run, linked above, has all of it.")
    return around.replace(MARKER, f"{MARKER}\n\n{_framed(first.name, text)}", 1)


def _framed(name: str, text: str) -> str:
    return f"{_OPENS(name)}\n{text}\n{_ENDS(name)}"


def _sections(body: str) -> dict[str, str]:
    """The sections of a comment. No text of others holds a marker: `harmless` breaks every comment in it."""
    found = dict[str, str]()
    for part in PARTS:
        _, opened, rest = body.replace("\r\n", "\n").partition(_OPENS(part.name) + "\n")
        text, ended, _ = rest.partition("\n" + _ENDS(part.name))
        if opened and ended:
            found[part.name] = text
    return found


if __name__ == "__main__":
    try:
        main()
    except (RefusedError, OSError) as failure:
        stop(failure)
