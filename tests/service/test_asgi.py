"""The application as a server outside of Lambda makes it."""

import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from service import asgi
from service.core import keys
from service.core.logging import JsonFormatter


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    loggers = [logging.root, *map(logging.getLogger, asgi._LOGGERS)]
    before = [(logger, list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_everything_that_the_server_logs_is_json() -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler())
    logging.getLogger("uvicorn.access").propagate = False
    assert isinstance(asgi.create(), FastAPI)
    [handler] = logging.root.handlers
    assert isinstance(handler.formatter, JsonFormatter)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        assert (logging.getLogger(name).handlers, logging.getLogger(name).propagate) == ([], True)


def test_it_does_not_start_without_good_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEYS", "{}")
    keys.forget()
    with pytest.raises(keys.UnusableKeysError):
        asgi.create()


@pytest.mark.parametrize("told", ["*", "10.0.0.1, *", "0.0.0.0/0", "10.0.0.1,::/0"])
def test_nobody_can_be_told_to_trust_everybody(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", told)
    with pytest.raises(RuntimeError, match="name the proxies"):
        asgi.create()
