"""Runs with and without what the kernel adds to the runner's own protections."""

import pytest

from sandbox_lambda import confinement


@pytest.fixture(params=[True, False], ids=["confined", "unconfined"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The test once with confinement (as far as the kernel offers it) and once without; which of the two it is."""
    monkeypatch.setattr(confinement, "ENABLED", request.param)
    return request.param


@pytest.fixture
def unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without confinement: what it would forbid must be dealt with all the same."""
    monkeypatch.setattr(confinement, "ENABLED", False)
