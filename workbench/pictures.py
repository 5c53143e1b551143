"""Takes the pictures of docs/pictures in a browser: the page of an example difference, and the dev stack drawn."""

import json
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.cost.estimate import cost_change
from workbench.diff.compare import compared
from workbench.diff.evaluation import evaluated
from workbench.diff.model import Diff, Revision
from workbench.diff.snapshot import Code, Entry, Snapshot
from workbench.graph.picture import picture
from workbench.graph.svg import svg
from workbench.project import ROOT
from workbench.report.page import page

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""What a browser that Playwright can drive is called on the PATH."""

_FOLDER = ROOT / "docs" / "pictures"
_BASE = Revision("origin/main", "8c1f0e5d2b7a49c6935ed0741af28b36c5d9e012")
_HEAD = Revision("feature/exports", "d27a6b1c90e34f85a1b2c3d4e5f60718293a4b5c")


def main() -> None:
    """Writes the pictures, the ones that need a browser last."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"There is no browser to take pictures with: install one of {', '.join(BROWSERS)}.")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    stacks = evaluated({ROOT: ["dev", "prod"]}, secrets.token_bytes(32))[ROOT]
    drawn = svg(picture(stacks["dev"]))
    (_FOLDER / "environment.svg").write_text(drawn, encoding="utf-8")
    take(browser, drawn, _FOLDER / "environment.png", selector="svg")
    take(browser, page(example(stacks["prod"])), _FOLDER / "diff.png", height=1500)


def take(browser: str, document: str, file: Path, *, selector: str | None = None, height: int = 900) -> None:
    """A picture of an HTML or SVG document, or of one element of it, in light colours."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = opened.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
        tab.set_content(document)
        (tab.locator(selector) if selector else tab).screenshot(path=file)
        opened.close()


def example(base: Snapshot) -> Diff:
    """A change to prod that no reviewer should miss: another engine mode, a wider policy, new code."""
    head = replace(base, entries=[_changed(entry) for entry in base.entries])
    stack = compared(base.stack, base, head)
    return Diff(_BASE, _HEAD, [replace(stack, cost=cost_change(base, head))])


def _changed(entry: Entry) -> Entry:
    change = _CHANGES.get((entry.type, entry.name))
    return replace(entry, inputs={**entry.inputs, **change(entry.inputs)}) if change else entry


def _other_engine_mode(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"engineMode": "serverless", "backupRetentionPeriod": 7}


def _wider_policy(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    document = json.loads(inputs["policy"])
    for statement in document["Statement"]:
        if "sqs:SendMessage" in statement["Action"]:
            statement |= {"Action": ["sqs:*"], "Resource": ["*"]}
    return {"policy": json.dumps(document)}


def _other_code(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    code: Code = inputs["code"]
    changed = {path: "changed" for path in code.files if path.startswith("service/items/r")}
    return {"code": Code("sha256:changed", {**code.files, **changed, "service/items/exports.py": "new"}, code.packages)}


_CHANGES = {
    ("aws:rds/cluster:Cluster", "database"): _other_engine_mode,
    ("aws:iam/rolePolicy:RolePolicy", "worker-policy"): _wider_policy,
    ("aws:lambda/function:Function", "api"): _other_code,
}


if __name__ == "__main__":
    main()
