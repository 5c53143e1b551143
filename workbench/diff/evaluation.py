"""Evaluates the stacks of a checkout in a process of its own, with the code of that checkout.

Run as a module it is that process: it answers on standard output what it is asked on standard input.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, TextIO, TypeVar, cast

from workbench.diff.snapshot import Snapshot, restored, secrets_of, snapshot_of, stored, told, without
from workbench.errors import UserError
from workbench.manifest import Secret
from workbench.project import ROOT, configuration

_PATIENCE = 300
"""Seconds after which a program that does not end is ended."""

_PAUSE = 0.5
"""Seconds between two looks at whether the other process is still there."""

_LARGEST_ANSWER = 500_000_000
"""The bytes after which nobody listens any longer. A thousand resources come to a few millions."""

_LONGEST_COMPLAINT = 1000
"""The characters that are shown of what a program says of its failure."""

_Answer = TypeVar("_Answer")


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
        self._complaints = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.diff.evaluation"],
            # Python imports from here first: the command's own modules, also where another checkout is installed.
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            # What the program starts ends with it.
            start_new_session=True,
        )
        self._late = threading.Event()
        self._overdue = threading.Timer(_PATIENCE, self._end_late)
        self._overdue.start()
        self._unread = b""
        return self

    def __exit__(self, *_: object) -> None:
        self._overdue.cancel()
        if self._process.returncode is None:
            self._kill()
        for pipe in (self._process.stdin, self._process.stdout):
            # The other end is gone: what was not written yet is nobody's any more.
            with suppress(BrokenPipeError):
                cast("IO[bytes]", pipe).close()
        self._process.wait()
        self._complaints.close()

    def secrets(self) -> Sequence[str]:
        """The texts of what is secret in the stacks. They stay in this process."""
        return self._asked(self._request, _texts)

    def snapshots(self, secrets: Collection[str]) -> Mapping[str, Snapshot]:
        """The stacks by name, without their secrets and these."""
        return self._asked({"secrets": sorted(secrets)}, _snapshots)

    def _asked(self, question: Mapping[str, Any], understood: Callable[[Any], _Answer]) -> _Answer:
        requests = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError):
            requests.write(json.dumps(question).encode() + b"\n")
            requests.flush()
        line = self._line()
        if self._late.is_set():
            raise EvaluationError(self.root, f"the program did not end within {_PATIENCE} seconds.")
        if not line:
            raise EvaluationError(self.root, f"the program ended the process that evaluates it: {self._last_words()}")
        try:
            answer = json.loads(line)
            if "error" not in answer:
                return understood(answer)
            said = str(answer["error"])
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            message = "the program wrote into the answer of the process that evaluates it: it has to leave that alone."
            raise EvaluationError(self.root, message) from None
        raise EvaluationError(self.root, _shown(said))

    def _line(self) -> bytes:
        """The next answer; nothing where the process has ended, also if what it started still holds the pipe."""
        answers = cast("IO[bytes]", self._process.stdout).fileno()
        parts = [self._unread]
        while b"\n" not in parts[-1]:
            ended = self._process.poll() is not None
            if ended:
                self._kill()
            is_there = bool(select.select([answers], [], [], 0 if ended else _PAUSE)[0])
            part = os.read(answers, 1 << 20) if is_there else b""
            if not part and (ended or is_there):
                return b""
            parts.append(part)
            if sum(map(len, parts)) > _LARGEST_ANSWER:
                self._kill()
                raise EvaluationError(self.root, f"the program registers more than {_LARGEST_ANSWER:,} bytes.")
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line

    def _end_late(self) -> None:
        self._late.set()
        self._kill()

    def _kill(self) -> None:
        """Ends the process, and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _last_words(self) -> str:
        code = self._process.wait()
        self._complaints.seek(max(0, self._complaints.seek(0, os.SEEK_END) - 10_000))
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        return _shown(said[-1]) if said else f"exit code {code}"


def _texts(answer: Any) -> list[str]:
    return [str(text) for text in answer["secrets"]]


def _snapshots(answer: Any) -> Mapping[str, Snapshot]:
    return {str(name): restored(text) for name, text in answer["snapshots"].items()}


def _shown(text: str) -> str:
    """What a program says, as one line of no great length that does nothing to a terminal."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
    return line if len(line) <= _LONGEST_COMPLAINT else f"{line[:_LONGEST_COMPLAINT]}…"


def _answers(requests: TextIO) -> Iterator[Mapping[str, Any]]:
    """What a process answers: the secrets of the stacks asked for, and then their snapshots."""
    from workbench.offline import manifest_of

    asked = json.loads(requests.readline())
    root, key = Path(asked["root"]), bytes.fromhex(asked["key"])
    marked = _marked()
    try:
        manifests = {name: manifest_of(name, root) for name in cast("list[str]", asked["stacks"])}
        regions = {name: configuration(name, root).region for name in manifests}
    except UserError as error:
        yield {"error": without(told(marked), str(error))}
        return
    except BaseException as error:
        said = without(told(marked), f"{type(error).__name__}: {error}")
        yield {"error": f"the program ended the process that evaluates it: {said}"}
        return
    found = told(marked).union(*map(secrets_of, manifests.values()))
    yield {"secrets": sorted(found)}
    others = json.loads(requests.readline())["secrets"]
    snapshots = {
        name: stored(snapshot_of(manifest, regions[name], key, _contents, others))
        for name, manifest in manifests.items()
    }
    yield {"snapshots": snapshots}


def _marked() -> list[Any]:
    """What the program marks as secret from now on, whether or not any resource is given it."""
    import pulumi

    seen: list[Any] = []
    mark = pulumi.Output.secret

    def noted(val: Any) -> Any:
        seen.append(Secret(val))
        return mark(val)

    pulumi.Output.secret = staticmethod(noted)
    return seen


def _contents(folder: Path) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
    """What a package is made of. The checkout's own code knows, unless it is from before it could tell."""
    packaging = sys.modules.get("components.packaging")
    contents_of = getattr(packaging, "contents_of", None)
    described = contents_of(folder) if contents_of else None
    return (described.files, described.packages) if described else None


def main() -> None:
    """Answers the requests of one comparison, each on a line."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Whatever a program prints, by whatever means, is not among the answers.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for answer in _answers(sys.stdin):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _end_with(parent: int) -> None:
    """Ends this process, and what it has started, once the command that asked is gone."""
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
