"""A small client of GitHub's REST API for the scripts beside it, with nothing but the standard library.

They run with a token that may write, so that nothing is installed for them.
"""

import io
import json
import lzma
import os
import struct
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

BOT: Final = "github-actions[bot]"
"""Who writes with a workflow's own token."""

_SECONDS = 30
_PAGES = 20
_PAGE = 100
_MOST_OF_AN_ARTIFACT = 25_000_000
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What an archive made by somebody hostile has the standard library raise."""


class RefusedError(Exception):
    """What came back is not what it should be; the message says what, in one line."""


@dataclass(frozen=True)
class Repository:
    """One repository, as a workflow in it sees it."""

    name: str
    """`owner/name`."""
    token: str
    api: str

    @classmethod
    def of_this_workflow(cls) -> "Repository":
        """The repository that the environment of a workflow names."""
        return cls(
            os.environ["GITHUB_REPOSITORY"],
            os.environ["GITHUB_TOKEN"],
            os.environ.get("GITHUB_API_URL", "https://api.github.com"),
        )

    def page_of(self, run: int | str) -> str:
        """Where people see a run of a workflow."""
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{self.name}/actions/runs/{run}"

    def get(self, path: str, **query: str | int) -> Any:
        """What is at a path below the repository; None where there is nothing."""
        try:
            return json.loads(self._read("GET", path, query=query))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise RefusedError(_told("GET", path, error)) from error

    def all(self, path: str, within: str | None = None, **query: str | int) -> Iterator[Any]:
        """Every element of a list that comes in pages, up to 2000; `within` names the list in each answer."""
        for page in range(1, _PAGES + 1):
            answer = self.get(path, per_page=_PAGE, page=page, **query) or []
            found = answer.get(within, []) if within else answer
            yield from found
            if len(found) < _PAGE:
                return

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Writes, and returns the answer."""
        try:
            return json.loads(self._read(method, path, json.dumps(body).encode()) or b"null")
        except urllib.error.HTTPError as error:
            raise RefusedError(_told(method, path, error)) from error

    def artifact(self, run: int, name: str, files: Mapping[str, int]) -> dict[str, str] | None:
        """The texts of some files of a run's artifact; None where the run left none of that name.

        `files` says how many bytes each may have. Whoever wrote the artifact may be hostile: it is never unpacked, what
        it holds besides is not looked at, and a text is cut off at its size.
        """
        listed = [each for each in self.all(f"actions/runs/{run}/artifacts", "artifacts") if each["name"] == name]
        current = [each for each in listed if not each["expired"]]
        if not current:
            return None
        newest = max(current, key=lambda each: each["id"])
        if newest["size_in_bytes"] > _MOST_OF_AN_ARTIFACT:
            raise RefusedError(
                f"the artifact {name} has {newest['size_in_bytes']} bytes, more than {_MOST_OF_AN_ARTIFACT}"
            )
        packed = self._read("GET", f"actions/artifacts/{newest['id']}/zip", most=_MOST_OF_AN_ARTIFACT)
        try:
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                return {file: _text_in(archive, file, most) for file, most in files.items()}
        except _UNREADABLE as error:
            raise RefusedError(f"the artifact {name} cannot be read: {error}") from error

    def _read(
        self, method: str, path: str, body: bytes | None = None, query: Mapping[str, Any] | None = None, most: int = -1
    ) -> bytes:
        address = f"{self.api}/repos/{self.name}/{path}"
        if query:
            address += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(address, body, method=method)  # noqa: S310  # the API's own address
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        # An artifact is fetched from another host, which the API redirects to: the token must not go there.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
            return response.read(most)


def event() -> Mapping[str, Any]:
    """What started the workflow, as GitHub tells it."""
    return json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())


def say(text: str) -> None:
    """Tells something in the log of the workflow, on one line."""
    sys.stdout.write(" ".join(text.split()) + "\n")


def stop(error: Exception) -> NoReturn:
    """Ends the step as failed, with an annotation that says why."""
    say(f"::error::{error}")
    raise SystemExit(1)


def _text_in(archive: zipfile.ZipFile, file: str, most: int) -> str:
    with archive.open(file) as content:
        return content.read(most).decode(errors="replace")


def _told(method: str, path: str, error: urllib.error.HTTPError) -> str:
    return f"{method} {path}: GitHub answered {error.code} {error.reason}"
