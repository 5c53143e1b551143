"""What a running stack says is shown line by line, each once, in the order of time."""

import json
import re
from itertools import takewhile
from pathlib import Path

import pytest

from workbench.local.cloud import Cloud
from workbench.local.gateway import access_line
from workbench.local.logs import follow, recent
from workbench.local.state import Applied, State

pytestmark = pytest.mark.xdist_group("emulator")


def state_of(group: str) -> State:
    applied = Applied("urn:x", "aws:cloudwatch/logGroup:LogGroup", "worker-logs", "", group, {}, {"name": group})
    return State(resources={"urn:x": applied})


def write(cloud: Cloud, group: str, *messages: tuple[int, str]) -> None:
    events = [{"timestamp": at, "message": message} for at, message in messages]
    cloud.client("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


@pytest.fixture
def group(cloud: Cloud, request: pytest.FixtureRequest) -> str:
    name = f"/test/{request.node.name}"
    cloud.client("logs").create_log_group(logGroupName=name)
    cloud.client("logs").create_log_stream(logGroupName=name, logStreamName="s")
    return name


def without_time(lines: list[str]) -> list[str]:
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines]


def test_structured_lines_are_said_in_words_and_those_of_the_platform_left_out(cloud: Cloud, group: str) -> None:
    line = {"timestamp": "t", "level": "INFO", "message": "run ended", "stack": "dev", "status": "failed"}
    metrics = '{"_aws":{"Timestamp":1},"Requests":[1.0]}'
    write(cloud, group, (1000, "START RequestId: 1"), (1001, json.dumps(line)), (1002, "plain"), (1003, '{"a": 1}'))
    write(cloud, group, (1004, metrics))
    assert without_time(recent(cloud, state_of(group))) == [
        "worker   INFO run ended status=failed",
        "worker   plain",
        'worker   {"a": 1}',
    ]


def test_a_line_holds_nothing_that_a_terminal_obeys(cloud: Cloud, group: str) -> None:
    line = {"level": "ERROR", "message": "unexpected error", "path": "/\x1b[31m\nERROR forged"}
    write(cloud, group, (1000, json.dumps(line)), (1001, "plain \x1b[2J"))
    assert without_time(recent(cloud, state_of(group))) == [
        "worker   ERROR unexpected error path=/?[31m ERROR forged",
        "worker   plain ?[2J",
    ]


def test_following_tells_each_line_once_even_within_one_millisecond(cloud: Cloud, group: str) -> None:
    write(cloud, group, (1000, "same"), (1000, "same"))
    lines = follow(cloud, state_of(group), since=0)
    assert without_time(list(takewhile(bool, lines))) == ["worker   same", "worker   same"]
    write(cloud, group, (1000, "same"), (2000, "later"))
    assert without_time(list(takewhile(bool, lines))) == ["worker   same", "worker   later"]
    assert list(takewhile(bool, lines)) == []


def test_requests_stand_among_the_lines_of_the_functions(cloud: Cloud, group: str) -> None:
    log = cloud.folder / "logs" / "gateway.log"
    log.write_text("not a request\n1500 GET /v1/items 200 7 ms\n1600 half a li")
    try:
        write(cloud, group, (1000, "before"), (2000, "after"))
        assert without_time(recent(cloud, state_of(group))) == [
            "worker   before",
            "http-api GET /v1/items 200 7 ms",
            "worker   after",
        ]
    finally:
        log.unlink()


def test_an_access_line_holds_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    assert re.fullmatch(r"\d{13} GET /\?\[31m\?x 404", access_line("GET /\x1b[31m\nx 404"))
