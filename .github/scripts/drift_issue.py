"""Keeps one issue a stack about its drift: opens it, brings it up to date, closes it when the drift is gone."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from github_api import BOT, RefusedError, Repository, say, stop
from untrusted import harmless

LABEL = "drift"

_ADVICE = """\
To take it back, run `pulumi refresh` and deploy again. To keep it, write it into the program before that. \
This issue is kept up to date, and closed once nothing differs."""


def main(stack: str, report: str | None) -> None:
    """Brings the issue to what the report says; None: there is no drift."""
    repository = Repository.of_this_workflow()
    this_run = f"[This run]({repository.page_of(os.environ['GITHUB_RUN_ID'])})"
    issue = _issue(repository, stack)
    if report is None:
        if issue is None:
            say(f"{stack} is as it was deployed.")
            return
        number = issue["number"]
        repository.send("POST", f"issues/{number}/comments", {"body": f"{this_run} found no drift any more."})
        repository.send("PATCH", f"issues/{number}", {"state": "closed", "state_reason": "completed"})
        say(f"{stack} is as it was deployed: closed issue {number}.")
        return
    body = _body(stack, report, this_run)
    if issue is None:
        title = f"{stack} is not as it was deployed"
        made = repository.send("POST", "issues", {"title": title, "body": body, "labels": [LABEL]})
        say(f"::warning::{stack} is not as it was deployed: opened issue {made['number']}.")
    else:
        repository.send("PATCH", f"issues/{issue['number']}", {"body": body})
        say(f"::warning::{stack} is not as it was deployed: brought issue {issue['number']} up to date.")


def _issue(repository: Repository, stack: str) -> Mapping[str, Any] | None:
    for issue in repository.all("issues", state="open", labels=LABEL):
        ours = issue["user"] is not None and issue["user"]["login"] == BOT and "pull_request" not in issue
        if ours and (issue["body"] or "").startswith(_marker(stack)):
            return issue
    return None


def _marker(stack: str) -> str:
    return f"<!-- plinth:drift:{stack} -->"


def _body(stack: str, report: str, this_run: str) -> str:
    text = harmless(report, 60_000, f"**Cut off here.** {this_run} has all of it.")
    found = f"{this_run} compared what Pulumi deployed with what there is on AWS. Somebody, or AWS itself, has changed:"
    return "\n\n".join([_marker(stack), found, text, _ADVICE])


if __name__ == "__main__":
    try:
        drifted = os.environ["DRIFTED"] == "true"
        main(os.environ["STACK"], Path(sys.argv[1]).read_text() if drifted else None)
    except (RefusedError, OSError) as failure:
        stop(failure)
