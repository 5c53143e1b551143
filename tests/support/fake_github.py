"""As much of GitHub's REST API as the workflows' scripts use, on loopback, and strict about who asks."""

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = {"login": "github-actions[bot]", "type": "Bot"}
TOKEN = "a token"
REPOSITORY = "organisation/plinth"

Answer = tuple[int, Any]


@dataclass
class GitHub:
    """One repository: what is in it, and what was written to it."""

    address: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict[int, list[dict[str, Any]]])
    """By the number of the pull request or issue."""
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """By the file of the workflow."""
    artifacts: dict[int, list[dict[str, Any]]] = field(default_factory=dict[int, list[dict[str, Any]]])
    """By the id of the run."""
    contents: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """The archives of artifacts, by their ids."""
    issues: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    refs: dict[str, str] = field(default_factory=dict[str, str])
    trees: dict[str, Any] = field(default_factory=dict[str, Any])
    commits: dict[str, Any] = field(default_factory=dict[str, Any])
    writes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Method and path of every request that writes, in order."""

    def leaves(self, workflow: str, run: int, head: Mapping[str, Any], name: str, files: Mapping[str, bytes]) -> None:
        """Makes an artifact of a run that has ended."""
        runs = self.runs.setdefault(workflow, [])
        if run not in [each["id"] for each in runs]:
            runs.append({"id": run, "status": "completed", "event": "pull_request", **head})
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        self.leaves_packed(run, name, packed.getvalue())

    def fails(self, workflow: str, run: int, head: Mapping[str, Any], conclusion: str = "failure") -> None:
        """Makes a run that has ended and left nothing."""
        ended = {"id": run, "status": "completed", "conclusion": conclusion, "event": "pull_request", **head}
        self.runs.setdefault(workflow, []).append(ended)

    def leaves_packed(self, run: int, name: str, packed: bytes) -> None:
        """Makes an artifact of these bytes."""
        number = len(self.contents) + 1
        self.contents[number] = packed
        self.artifacts.setdefault(run, []).append(
            {"id": number, "name": name, "size_in_bytes": len(packed), "expired": False}
        )

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        """What a request below the repository gets."""
        for wanted, pattern, handle in _ROUTES:
            found = re.fullmatch(pattern, path)
            if method == wanted and found is not None:
                if method != "GET":
                    self.writes.append((method, path))
                return handle(self, query, body, *found.groups())
        return 404, {"message": "Not Found"}

    def _pulls(self, query: Mapping[str, str], _: Any) -> Answer:
        def asked_for(pull: Mapping[str, Any]) -> bool:
            head = f"{pull['head']['user']['login']}:{pull['head']['ref']}"
            return (
                pull["state"] == query.get("state", "open")
                and head == query["head"]
                and pull["base"]["ref"] == query["base"]
            )

        return 200, _paged(filter(asked_for, self.pulls), query)

    def _comments(self, query: Mapping[str, str], _: Any, number: str) -> Answer:
        return 200, _paged(self.comments.get(int(number), []), query)

    def _comment(self, _: Mapping[str, str], body: Any, number: str) -> Answer:
        made = {"id": 1000 + sum(map(len, self.comments.values())), "user": BOT, "body": body["body"]}
        self.comments.setdefault(int(number), []).append(made)
        return 201, made

    def _edit_comment(self, _: Mapping[str, str], body: Any, id_: str) -> Answer:
        (comment,) = [each for those in self.comments.values() for each in those if each["id"] == int(id_)]
        comment.update(body)
        return 200, comment

    def _runs(self, query: Mapping[str, str], _: Any, workflow: str) -> Answer:
        asked_for = [
            run
            for run in self.runs.get(workflow, [])
            if all(run[key] == query[key] for key in ("head_sha", "event", "status"))
        ]
        return 200, {"workflow_runs": _paged(asked_for, query)}

    def _artifacts(self, query: Mapping[str, str], _: Any, run: str) -> Answer:
        return 200, {"artifacts": _paged(self.artifacts.get(int(run), []), query)}

    def _issues(self, query: Mapping[str, str], _: Any) -> Answer:
        asked_for = [
            issue
            for issue in self.issues
            if issue["state"] == query["state"] and query["labels"] in [label["name"] for label in issue["labels"]]
        ]
        return 200, _paged(asked_for, query)

    def _issue(self, _: Mapping[str, str], body: Any) -> Answer:
        labels = [{"name": label} for label in body["labels"]]
        made = {**body, "number": len(self.issues) + 1, "user": BOT, "state": "open", "labels": labels}
        self.issues.append(made)
        return 201, made

    def _edit_issue(self, _: Mapping[str, str], body: Any, number: str) -> Answer:
        (issue,) = [each for each in self.issues if each["number"] == int(number)]
        issue.update(body)
        return 200, issue

    def _ref(self, _: Mapping[str, str], __: Any, name: str) -> Answer:
        return (200, {"object": {"sha": self.refs[name]}}) if name in self.refs else (404, {})

    def _make_ref(self, _: Mapping[str, str], body: Any) -> Answer:
        name = body["ref"].removeprefix("refs/")
        assert name not in self.refs
        self.refs[name] = body["sha"]
        return 201, {}

    def _move_ref(self, _: Mapping[str, str], body: Any, name: str) -> Answer:
        assert body["force"] is True
        self.refs[name] = body["sha"]
        return 200, {}

    def _tree(self, _: Mapping[str, str], body: Any) -> Answer:
        sha = f"tree{len(self.trees)}"
        self.trees[sha] = body
        return 201, {"sha": sha}

    def _commit(self, _: Mapping[str, str], __: Any, sha: str) -> Answer:
        return 200, {"tree": {"sha": self.commits[sha]["tree"]}}

    def _make_commit(self, _: Mapping[str, str], body: Any) -> Answer:
        sha = f"commit{len(self.commits)}"
        self.commits[sha] = body
        return 201, {"sha": sha}

    def _make_pull(self, _: Mapping[str, str], body: Any) -> Answer:
        made = {
            **body,
            "number": 50 + len(self.pulls),
            "state": "open",
            "head": {"ref": body["head"], "user": {"login": REPOSITORY.partition("/")[0]}},
            "base": {"ref": body["base"]},
        }
        self.pulls.append(made)
        return 201, made


_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", r"pulls", GitHub._pulls),
    ("POST", r"pulls", GitHub._make_pull),
    ("GET", r"issues/(\d+)/comments", GitHub._comments),
    ("POST", r"issues/(\d+)/comments", GitHub._comment),
    ("PATCH", r"issues/comments/(\d+)", GitHub._edit_comment),
    ("GET", r"actions/workflows/([\w.-]+)/runs", GitHub._runs),
    ("GET", r"actions/runs/(\d+)/artifacts", GitHub._artifacts),
    ("GET", r"issues", GitHub._issues),
    ("POST", r"issues", GitHub._issue),
    ("PATCH", r"issues/(\d+)", GitHub._edit_issue),
    ("GET", r"git/ref/(heads/[\w./-]+)", GitHub._ref),
    ("POST", r"git/refs", GitHub._make_ref),
    ("PATCH", r"git/refs/(heads/[\w./-]+)", GitHub._move_ref),
    ("POST", r"git/trees", GitHub._tree),
    ("GET", r"git/commits/(\w+)", GitHub._commit),
    ("POST", r"git/commits", GitHub._make_commit),
)


@contextmanager
def github() -> Iterator[GitHub]:
    """The repository, served."""
    state = GitHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(state: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def _answer(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            token = self.headers.get("Authorization")
            if kept := re.fullmatch(r"/storage/(\d+)", address.path):
                if token is not None:
                    return self._send(403, b"a token of GitHub was sent to somebody else")
                return self._send(200, state.contents[int(kept[1])])
            if token != f"Bearer {TOKEN}":
                return self._send(401, b"{}")
            path = address.path.removeprefix(f"/repos/{REPOSITORY}/")
            if packed := re.fullmatch(r"actions/artifacts/(\d+)/zip", path):
                return self._send(302, b"", Location=f"{state.address}/storage/{packed[1]}")
            status, answer = state.answer(self.command, path, query, body)
            return self._send(status, json.dumps(answer).encode())

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as it is called there
            pass

    return Handler


def _paged(found: Any, query: Mapping[str, str]) -> list[Any]:
    size, page = int(query["per_page"]), int(query["page"])
    return list(found)[size * (page - 1) : size * page]
