"""Evaluates the stacks of a checkout in a process of its own, with the code of that checkout.

Run as a module it is that process: it answers on standard output what it is asked on standard input.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, TextIO, cast

from workbench.diff.snapshot import Snapshot, restored, stored
from workbench.errors import UserError
from workbench.project import ROOT

_PATIENCE = 300
"""Seconds after which a program that does not end is ended."""


class EvaluationError(UserError):
    """A stack of a checkout does not evaluate."""

    def __init__(self, root: Path, message: str) -> None:
        super().__init__(message)
        self.root = root


def evaluated(wanted: Mapping[Path, Sequence[str]], key: bytes) -> Mapping[Path, Mapping[str, Snapshot]]:
    """The snapshots of the stacks wanted of each checkout, checkouts side by side.

    `key` is what `snapshot_of` takes. Raises EvaluationError where a program fails.
    """
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool, ExitStack() as processes:
        started = [processes.enter_context(_Evaluation(root, names, key)) for root, names in wanted.items() if names]
        # What is secret on one side is hidden on both.
        secrets = {text for found in pool.map(_Evaluation.secrets, started) for text in found}

        def snapshots(evaluation: _Evaluation) -> Mapping[str, Snapshot]:
            return evaluation.snapshots(secrets)

        found = dict(zip([each.root for each in started], pool.map(snapshots, started), strict=True))
    return {root: found.get(root, {}) for root in wanted}


class _Evaluation:
    """A process that evaluates stacks of one checkout: asked for their secrets first, then for their snapshots."""

    def __init__(self, root: Path, stacks: Sequence[str], key: bytes) -> None:
        self.root = root
        self._request = {"root": str(root), "stacks": list(stacks), "key": key.hex()}

    def __enter__(self) -> "_Evaluation":
        self._complaints = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.diff.evaluation"],
            # Python imports from here first: the command's own modules, also where another checkout is installed.
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self._late = threading.Event()
        self._overdue = threading.Timer(_PATIENCE, self._end_late)
        self._overdue.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._overdue.cancel()
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def secrets(self) -> Sequence[str]:
        """The texts of what is secret in the stacks. They stay in this process."""
        return self._asked(self._request)["secrets"]

    def snapshots(self, secrets: Collection[str]) -> Mapping[str, Snapshot]:
        """The stacks by name, without their secrets and these."""
        texts = self._asked({"secrets": sorted(secrets)})["snapshots"]
        return {name: restored(text) for name, text in texts.items()}

    def _asked(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        requests, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        with suppress(BrokenPipeError):
            requests.write(json.dumps(question) + "\n")
            requests.flush()
        line = answers.readline()
        if self._late.is_set():
            raise EvaluationError(self.root, f"the program did not end within {_PATIENCE} seconds.")
        if not line:
            raise EvaluationError(self.root, f"the program ended the process that evaluates it: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise EvaluationError(self.root, answer["error"])
        return answer

    def _end_late(self) -> None:
        self._late.set()
        self._process.kill()

    def _last_words(self) -> str:
        code = self._process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().strip().splitlines()
        return said[-1] if said else f"exit code {code}"


def _answers(requests: TextIO) -> Iterator[Mapping[str, Any]]:
    """What a process answers: the secrets of the stacks asked for, and then their snapshots."""
    from workbench.diff.snapshot import secrets_of, snapshot_of
    from workbench.offline import manifest_of
    from workbench.project import configuration

    asked = json.loads(requests.readline())
    root, key = Path(asked["root"]), bytes.fromhex(asked["key"])
    try:
        manifests = {name: manifest_of(name, root) for name in cast("list[str]", asked["stacks"])}
        regions = {name: configuration(name, root).region for name in manifests}
    except UserError as error:
        yield {"error": str(error)}
        return
    yield {"secrets": sorted({text for manifest in manifests.values() for text in secrets_of(manifest)})}
    others = json.loads(requests.readline())["secrets"]
    snapshots = {
        name: stored(snapshot_of(manifest, regions[name], key, _contents, others))
        for name, manifest in manifests.items()
    }
    yield {"snapshots": snapshots}


def _contents(folder: Path) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
    """What a package is made of. The checkout's own code knows, unless it is from before it could tell."""
    packaging = sys.modules.get("components.packaging")
    contents_of = getattr(packaging, "contents_of", None)
    described = contents_of(folder) if contents_of else None
    return (described.files, described.packages) if described else None


def main() -> None:
    """Answers the requests of one comparison, each on a line."""
    # Whatever a program prints, by whatever means, is not among the answers.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for answer in _answers(sys.stdin):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
