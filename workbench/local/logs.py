"""What a running stack says: its functions, from the emulator's CloudWatch Logs, and the gateway of each request."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.state import State

_LEFT_OUT = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START", '{"_aws":')
"""How lines begin that say nothing to a reader: the platform's own, and metrics in CloudWatch's embedded format."""


def recent(cloud: Cloud, state: State, count: int = 200) -> list[str]:
    """The newest lines, oldest of them first."""
    lines = [entry for log in _logs(cloud, state) for entry in log.new(cloud)]
    return [line for _at, line in sorted(lines, key=lambda entry: entry[0])][-count:]


def follow(cloud: Cloud, state: State, since: int | None = None) -> Iterator[str]:
    """Lines as they are written, from `since` (milliseconds since 1970; default: now) on, without end.

    An empty line means that nothing more is there at this moment.
    """
    logs = _logs(cloud, state, int(time.time() * 1000) if since is None else since)
    while True:
        lines = [entry for log in logs for entry in log.new(cloud)]
        yield from (line for _at, line in sorted(lines, key=lambda entry: entry[0]))
        yield ""
        time.sleep(0.5)


@dataclass
class _Log:
    """One function's log group, read up to a moment and the number of events seen in that very millisecond."""

    group: str
    function: str
    since: int
    seen: int = 0

    def new(self, cloud: Cloud) -> list[tuple[int, str]]:
        """The lines that came since the last look, each with its time."""
        pages = (
            cloud.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=self.group, startTime=self.since)
        )
        events = sorted((event for page in pages for event in page["events"]), key=lambda event: event["timestamp"])
        fresh = events[self.seen :]
        if fresh:
            last = fresh[-1]["timestamp"]
            self.since, self.seen = last, sum(event["timestamp"] == last for event in events)
        return [
            (event["timestamp"], _line(event["timestamp"], self.function, _readable(event["message"].rstrip())))
            for event in fresh
            if not event["message"].startswith(_LEFT_OUT)
        ]


@dataclass
class _AccessLog:
    """The gateway's log of requests, read up to a byte."""

    file: Path
    since: int
    read: int = 0

    def new(self, _cloud: Cloud) -> list[tuple[int, str]]:
        """The requests since the last look, each with its time."""
        if not self.file.exists():
            return []
        with self.file.open("rb") as file:
            file.seek(self.read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self.read += len(whole)
        parted = [line.partition(" ") for line in whole.decode(errors="replace").splitlines()]
        return [
            (int(at), _line(int(at), "http-api", text))
            for at, _, text in parted
            if at.isdigit() and int(at) >= self.since
        ]


def _line(at: int, source: str, text: str) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone():%H:%M:%S} {source:<8} {text}"


_SHOWN_OTHERWISE = (
    *("level", "message", "timestamp", "location", "service", "stack", "exception", "exception_name"),
    *("request_id", "function_request_id", "cold_start", "xray_trace_id"),
)
_NOT_SAID = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would obey: a value in a line can come from anybody."""


def _readable(message: str) -> str:
    """A structured log line as one would say it; any other as it is, but for what a terminal obeys."""
    return _NOT_SAID.sub("?", _said(message))


def _said(message: str) -> str:
    try:
        document: dict[str, Any] = json.loads(message)
        said = [document["level"], document["message"]]
    except (ValueError, KeyError, TypeError):
        return message
    fields = {key: " ".join(str(value).splitlines()) for key, value in document.items() if key not in _SHOWN_OTHERWISE}
    said += [f"{key}={value}" for key, value in fields.items()]
    return " ".join(said) + (f"\n{text}" if (text := document.get("exception")) else "")


def _logs(cloud: Cloud, state: State, since: int = 0) -> list[_Log | _AccessLog]:
    return [
        _AccessLog(cloud.folder / "logs" / "gateway.log", since),
        *(
            _Log(str(applied.outputs["name"]), applied.name.removesuffix("-logs"), since)
            for applied in state.resources.values()
            if applied.type == "aws:cloudwatch/logGroup:LogGroup"
        ),
    ]
