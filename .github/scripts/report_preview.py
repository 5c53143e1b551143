"""Tells in Markdown what `pulumi preview --json` or `pulumi refresh --json` found, without any value.

A state holds values that are nobody's business in a pull request, secret or not: of what changes, only names are told.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ORDER = ("delete", "replace", "update", "create", "import", "discard", "read")
_SHOWN = {"delete-replaced": "replace", "create-replacement": "replace", "discard-replaced": "discard"}
_UNCHANGED = ("same", "refresh", "remove-pending-replace")


@dataclass(frozen=True)
class Step:
    """What is done, or was done outside of Pulumi, to one resource."""

    operation: str
    urn: str
    properties: Sequence[str]

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].rpartition("$")[2] if self.urn.count("::") >= 3 else ""


def main(stack: str, file: Path, exit_code: int) -> str:
    """The report on one stack, from the output of a command that ended with this exit code."""
    steps, errors = read(file.read_text(errors="replace"))
    lines = [f"### {code(stack)}", ""]
    if errors or exit_code not in (0, 7):
        lines += ["**It failed.**" if exit_code else "**It told of errors.**", "", *fenced("\n\n".join(errors)), ""]
    if not steps:
        return "\n".join([*lines, "Nothing changes." if not exit_code else "The log of the run says more."]) + "\n"
    counts = Counter(step.operation for step in steps)
    lines += [", ".join(f"{counts[operation]} to {operation}" for operation in _ORDER if counts[operation]) + ".", ""]
    loud = [step for step in steps if step.operation in ("delete", "replace")]
    rest = [step for step in steps if step.operation not in ("delete", "replace")]
    lines += table(loud) if loud else []
    if rest:
        lines += [f"<details><summary>{len(rest)} more</summary>", "", *table(rest), "</details>", ""]
    return "\n".join(lines)


def read(output: str) -> tuple[list[Step], list[str]]:
    """The steps, most destructive first, and the errors: of one document, or of one event a line."""
    try:
        document = json.loads(output)
    except ValueError:
        documents = [parsed for line in output.splitlines() if (parsed := _parsed(line)) is not None]
    else:
        documents = [document]
    steps, errors = dict[str, Step](), list[str]()
    for each in documents:
        metadata = each.get("resOutputsEvent", {}).get("metadata")
        for told in [*each.get("steps", []), *([metadata] if metadata else [])]:
            operation = _SHOWN.get(told["op"], told["op"])
            if operation not in _UNCHANGED:
                names = {*(told.get("detailedDiff") or {}), *(told.get("diffReasons") or told.get("diffs") or [])}
                names = names or _that_differ(told.get("old"), told.get("new"))
                # A replacement is three steps, each with the same properties.
                steps.setdefault(told["urn"], Step(operation, told["urn"], sorted(names)))
        diagnostic = each.get("diagnosticEvent")
        for told in [*each.get("diagnostics", []), *([diagnostic] if diagnostic else [])]:
            if told.get("severity") == "error":
                errors.append(told.get("message", "").strip())
    ordered = sorted(steps.values(), key=lambda step: (_rank(step.operation), step.urn))
    return ordered, errors


def _that_differ(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> set[str]:
    """The names of outputs that are not what they were: a refresh says no more than what there is."""
    before, after = ((state or {}).get("outputs") or {} for state in (old, new))
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def table(steps: Iterable[Step]) -> list[str]:
    """The steps as a table of Markdown."""
    rows = [
        f"| {step.operation} | {code(step.name)} | {code(step.type)} | {', '.join(map(code, step.properties[:12]))} |"
        for step in steps
    ]
    return ["| | resource | type | properties |", "|---|---|---|---|", *rows, ""]


def code(text: str) -> str:
    """A name as code in a cell of a table, whatever it holds."""
    kept = "".join(letter for letter in text if letter.isprintable()).replace("`", "'").replace("|", "\\|")
    return f"`{kept}`" if kept else ""


def fenced(text: str) -> list[str]:
    """A text between fences that it cannot close."""
    if not text:
        return []
    lines = [line.replace("\x1b", "") for line in text.splitlines()][:60]
    return ["~~~~~~~~", *(line.replace("~~~", "~ ~ ~") for line in lines), "~~~~~~~~"]


def _rank(operation: str) -> int:
    return _ORDER.index(operation) if operation in _ORDER else len(_ORDER)


def _parsed(line: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


if __name__ == "__main__":
    sys.stdout.write(main(os.environ["STACK"], Path(sys.argv[1]), int(os.environ["EXIT_CODE"])))
