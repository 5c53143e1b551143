"""A browser for tests, in a thread of its own: Playwright keeps an event loop running there, and tests have theirs."""

import shutil
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import Browser as Opened
from playwright.sync_api import Dialog, Page, sync_playwright

from workbench.pictures import BROWSERS


@dataclass
class Heard:
    """What a page did besides being shown: all it asked for, said and opened."""

    requests: list[str] = field(default_factory=list[str])
    console: list[str] = field(default_factory=list[str])
    dialogs: list[str] = field(default_factory=list[str])

    def dismiss(self, dialog: Dialog) -> None:
        """Takes note of a dialog, and lets the page go on."""
        self.dialogs.append(dialog.message)
        dialog.dismiss()


class Browser:
    """A headless browser that shows local files."""

    def __init__(self, thread: ThreadPoolExecutor, opened: Opened) -> None:
        self._thread = thread
        self._opened = opened

    @classmethod
    @contextmanager
    def found(cls) -> Generator[Self]:
        """The browser of this machine. Skips the test where there is none."""
        path = next(filter(None, map(shutil.which, BROWSERS)), None)
        if path is None:
            pytest.skip(f"There is no browser on the PATH: install one of {', '.join(BROWSERS)}.")
        with ThreadPoolExecutor(max_workers=1) as thread:
            playwright = thread.submit(lambda: sync_playwright().start()).result()
            opened = thread.submit(
                lambda: playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            ).result()
            try:
                yield cls(thread, opened)
            finally:
                thread.submit(opened.close).result()
                thread.submit(playwright.stop).result()

    def show(
        self, file: Path, look: Callable[[Page], Any], *, width: int = 1280, dark: bool = False
    ) -> tuple[Any, Heard]:
        """What `look` finds on the page of a file, and what the page did meanwhile."""
        return self._thread.submit(self._shown, file, look, width, dark).result()

    def _shown(self, file: Path, look: Callable[[Page], Any], width: int, dark: bool) -> tuple[Any, Heard]:
        heard = Heard()
        page = self._opened.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
        )
        try:
            page.on("request", lambda request: heard.requests.append(request.url))
            page.on("console", lambda message: heard.console.append(message.text))
            page.on("pageerror", lambda error: heard.console.append(str(error)))
            page.on("dialog", heard.dismiss)
            page.goto(file.as_uri())
            return look(page), heard
        finally:
            page.close()


def overlapping(rectangles: Sequence[tuple[float, float, float, float]]) -> list[tuple[int, int]]:
    """Which of these, as left, top, width and height, lie on one another."""
    return [
        (one, other)
        for one, (x1, y1, w1, h1) in enumerate(rectangles)
        for other, (x2, y2, w2, h2) in enumerate(rectangles[:one])
        if x1 < x2 + w2 and x2 < x1 + w1 and y1 < y2 + h2 and y2 < y1 + h1
    ]
