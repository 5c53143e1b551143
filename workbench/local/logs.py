"""What the functions of a running stack wrote, read from the emulator's CloudWatch Logs."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.state import State

_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START")


def recent(cloud: Cloud, state: State, count: int = 200) -> list[str]:
    """The newest lines of all functions, oldest of them first."""
    lines = [entry for log in _logs(state) for entry in log.new(cloud)]
    return [line for _at, line in sorted(lines, key=lambda entry: entry[0])][-count:]


def follow(cloud: Cloud, state: State, since: int | None = None) -> Iterator[str]:
    """Lines as they are written, from `since` (milliseconds since 1970; default: now) on, without end.

    An empty line means that nothing more is there at this moment.
    """
    logs = _logs(state, int(time.time() * 1000) if since is None else since)
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
            (event["timestamp"], self._line(event)) for event in fresh if not event["message"].startswith(_PLATFORM)
        ]

    def _line(self, event: Mapping[str, Any]) -> str:
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone()
        return f"{at:%H:%M:%S} {self.function:<8} {_readable(event['message'].rstrip())}"


def _readable(message: str) -> str:
    """A structured log line as one would say it; any other as it is."""
    try:
        document = json.loads(message)
        return f"{document['level']} {document['message']}" + (
            f"\n{text}" if (text := document.get("exception")) else ""
        )
    except (ValueError, KeyError, TypeError):
        return message


def _logs(state: State, since: int = 0) -> list[_Log]:
    return [
        _Log(str(applied.outputs["name"]), applied.name.removesuffix("-logs"), since)
        for applied in state.resources.values()
        if applied.type == "aws:cloudwatch/logGroup:LogGroup" and applied.name != "http-api-logs"
    ]
