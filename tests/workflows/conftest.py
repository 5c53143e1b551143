"""A machine that runs workflows, beside a GitHub that they write to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_github import TOKEN, GitHub, github
from tests.support.workflows import Machine


@pytest.fixture
def hub() -> Iterator[GitHub]:
    """A repository on GitHub, with nothing in it."""
    with github() as served:
        yield served


@pytest.fixture
def machine(tmp_path: Path, hub: GitHub) -> Machine:
    """What runs a job, and knows where GitHub is."""
    return Machine(tmp_path, {"GITHUB_API_URL": hub.address, "GITHUB_TOKEN": TOKEN})
