"""Puts lock files that another job resolved onto a branch, and opens the one pull request for them.

Through the API alone: this job can write to the repository, so it runs nothing of what was resolved, and no git.
"""

import os
import re
from pathlib import Path
from typing import Final

from github_api import RefusedError, Repository, say, stop

BRANCH: Final = "update/locks"

_LOCKS = Path("locks")
"""In the checkout of the default branch: which locks there are, it says and not the artifact."""

_MOST = 2_000_000
# A requirement with its marker, its hashes, a comment, or nothing: no option, which could name another index.
_LINE = re.compile(
    r"(?P<requirement>[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z0-9,_-]+\])?==[A-Za-z0-9.+!_-]+( ; [^\\]+)?( \\)?)"
    r"|(?P<hash>    --hash=sha256:[0-9a-f]{64}( \\)?)|(?P<comment>#.*)|"
)

_BODY = """\
The newest versions that `pyproject.toml` allows, as `make locks` found them.

A pull request that a workflow opens with its own token starts no workflows. Close it and open it again, and they run; \
or give the environment `update` a secret `UPDATE_TOKEN` (docs/operations.md), and they run by themselves.
"""


def main() -> None:
    """Commits the locks where they differ from the default branch's, and sees that there is one pull request."""
    repository = Repository.of_this_workflow()
    base = os.environ["BASE"]
    wanted = {lock.name: _MOST for lock in sorted(_LOCKS.glob("*.txt"))}
    found = repository.artifact(int(os.environ["GITHUB_RUN_ID"]), "locks", wanted)
    if found is None:
        raise RefusedError("the job before left no artifact named locks")
    for name, text in found.items():
        for number, line in enumerate(text.splitlines(), 1):
            if _LINE.fullmatch(line) is None:
                raise RefusedError(f"line {number} of {name} is none of a lock: {line[:80]!r}")
    tip = repository.get(f"git/ref/heads/{base}")["object"]["sha"]
    commit = _commit(repository, tip, found)
    if repository.get(f"git/ref/heads/{BRANCH}") is None:
        repository.send("POST", "git/refs", {"ref": f"refs/heads/{BRANCH}", "sha": commit})
    else:
        repository.send("PATCH", f"git/refs/heads/{BRANCH}", {"sha": commit, "force": True})
    owner = repository.name.partition("/")[0]
    there = next(repository.all("pulls", state="open", head=f"{owner}:{BRANCH}", base=base), None)
    if there is not None:
        say(f"Brought pull request {there['number']} up to date.")
        return
    pull = {"title": "Update the locked dependencies", "head": BRANCH, "base": base, "body": _BODY}
    say(f"Opened pull request {repository.send('POST', 'pulls', pull)['number']}.")


def _commit(repository: Repository, tip: str, locks: dict[str, str]) -> str:
    tree = repository.send(
        "POST",
        "git/trees",
        {
            "base_tree": repository.get(f"git/commits/{tip}")["tree"]["sha"],
            "tree": [
                {"path": f"locks/{name}", "mode": "100644", "type": "blob", "content": text}
                for name, text in locks.items()
            ],
        },
    )
    body = {"message": "Update the locked dependencies", "tree": tree["sha"], "parents": [tip]}
    return repository.send("POST", "git/commits", body)["sha"]


if __name__ == "__main__":
    try:
        main()
    except (RefusedError, OSError) as failure:
        stop(failure)
