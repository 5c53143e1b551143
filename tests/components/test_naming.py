"""Physical names fit their limits and never fall together."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.naming import bounded, physical_name, route_name
from tests.support.evaluation import deploy

CLEAN = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)
ANY = st.text(string.ascii_letters + string.digits + "-_. ", min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("name", "limit", "expected"),
    [
        ("plinth-dev-api", 64, "plinth-dev-api"),
        ("plinth-dev-api", 14, "plinth-dev-api"),
        ("plinth-dev-api", 13, "plin-2c8d2c34"),
        ("plinth-Dev-api", 64, "plinth-dev-api-c09ee8e8"),
        ("plinth_dev__api", 64, "plinth-dev-api-43834b4f"),
        ("plinth-a-long-name", 16, "plinth-72f5045e"),
    ],
)
def test_a_name_is_kept_where_it_fits_and_marked_where_it_does_not(name: str, limit: int, expected: str) -> None:
    assert bounded(name, limit) == expected


@given(CLEAN, st.integers(min_value=12, max_value=64))
def test_a_clean_name_that_fits_is_itself(name: str, limit: int) -> None:
    assert (bounded(name, limit) == name) == (len(name) <= limit)


@given(ANY, st.integers(min_value=12, max_value=64))
def test_every_name_fits_and_has_only_what_every_service_takes(name: str, limit: int) -> None:
    result = bounded(name, limit)
    assert len(result) <= limit
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", result)


@given(ANY, ANY, st.integers(min_value=12, max_value=64))
def test_two_names_never_become_one(one: str, other: str, limit: int) -> None:
    assert (bounded(one, limit) == bounded(other, limit)) == (one == other)


def test_a_physical_name_carries_project_and_stack() -> None:
    names: list[str] = []
    deploy(lambda: names.extend([physical_name("api"), physical_name("sandbox", 27)]))
    assert names == ["plinth-test-api", "plinth-test-sandbox"]


@pytest.mark.parametrize(
    ("route_key", "expected"),
    [
        ("POST /v1/items", "post-v1-items"),
        ("GET /v1/items/{item_id}", "get-v1-items-item_id"),
        ("DELETE /v1/api-keys/{key_id}", "delete-v1-api-keys-key_id"),
        ("GET /openapi.json", "get-openapi-json"),
        ("GET /", "get"),
        ("$default", "default"),
    ],
)
def test_a_route_has_a_readable_name(route_key: str, expected: str) -> None:
    assert route_name(route_key) == expected
