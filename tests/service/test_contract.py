"""The running service keeps the contract of its OpenAPI document, whatever schemathesis thinks of sending it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from service.main import create_app
from tests.service.conftest import KEYS, bearer, make_actor
from tests.support.postgres import Postgres
from tests.support.served import UNLIMITED, served

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    allow_header_conformance,
]
EXAMPLES = 20
"""Of each route with each credential, in each of the two modes."""

CONFIG = schemathesis.Config.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 409, 412, 413, 422, 431]}}}
)
"""What is refused for its size alone is refused, too."""

SLOW_OR_ODD = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
"""What hypothesis warns of and nobody here minds."""

DOCUMENT = create_app().openapi()["paths"]
CALLS = [
    (path, method, credential)
    for path, methods in DOCUMENT.items()
    for method, operation in methods.items()
    for credential in (("token", "api key") if "security" in operation else ("none",))
]
NEVER_RIGHT_BY_CHANCE = {("/v1/auth/token", "post"), ("/v1/auth/refresh", "post"), ("/v1/users/me", "patch")}
"""Routes that need a secret, which nobody guesses."""


@dataclass(frozen=True)
class Running:
    """The service as a process of its own, on a database of its own."""

    address: str
    sessions: Any
    schema: Any

    def newcomer(self, credential: str) -> tuple[dict[str, str], dict[str, str]]:
        """The header of a new user's credential, and the ids of what the user has."""
        actor = make_actor(self.sessions, email=f"{uuid4().hex}@example.com", role="admin")
        headers = bearer(actor)
        with httpx2.Client(base_url=f"{self.address}/v1", headers=headers) as client:
            item = client.post("/items", json={"name": "Espresso machine"}).json()["id"]
            body = {"name": "Tell", "code": "print('told')", "item_id": item}
            automation = client.post("/automations", json=body).json()["id"]
            run, ended = (client.post(f"/automations/{automation}/runs").json()["id"] for _ in range(2))
            client.post(f"/runs/{ended}/cancel")
            key = client.post("/api-keys", json={"name": "robot"}).json()["id"]
            if credential == "none":
                headers = {}
            if credential == "api key":
                headers = {"X-API-Key": client.post("/api-keys", json={"name": "fuzzer"}).json()["key"]}
        known = {"item_id": item, "automation_id": automation, "run_id": run, "api_key_id": key, "ended_run_id": ended}
        return headers, known


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Running]:
    url = postgres.create_database(f"contract_{os.getpid()}", template="migrated")
    engine = create_engine(url)
    with served(application=UNLIMITED, DATABASE_URL=url, SIGNING_KEYS=KEYS) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", config=CONFIG)
        yield Running(address, sessionmaker(engine, expire_on_commit=False), schema)
    engine.dispose()


@pytest.mark.xdist_group("contract")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("path", "method", "credential"), CALLS)
def test_every_answer_is_one_that_the_document_declares(
    running: Running, path: str, method: str, credential: str
) -> None:
    headers, known = running.newcomer(credential)
    if path.endswith("/rerun"):
        known["run_id"] = known["ended_run_id"]
    operation = running.schema[path][method.upper()]
    seen = _statuses(operation, GenerationMode.POSITIVE, headers, known)
    if {"parameters", "requestBody"} & DOCUMENT[path][method].keys():
        seen |= _statuses(operation, GenerationMode.NEGATIVE, headers, known)
    # A contract that is only ever refused is not tried.
    never = (path, method) in NEVER_RIGHT_BY_CHANCE or ("logout" in path and credential == "api key")
    assert never or any(status < 400 for status in seen), seen


def _statuses(operation: Any, mode: GenerationMode, headers: Mapping[str, str], known: Mapping[str, str]) -> set[int]:
    """What the route answered to requests of that mode, each answer checked against the document."""
    seen: set[int] = set()
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS

    # Always the same examples: what passed here passes there.
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW_OR_ODD)
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def try_one(case: Case, about_something_real: bool) -> None:
        if about_something_real and mode is GenerationMode.POSITIVE:
            case.headers.pop("If-Match", None)
            for values in (case.path_parameters, case.body, case.query):
                if isinstance(values, dict):
                    values.update({name: known[name] for name in values if name in known})
        seen.add(case.call_and_validate(headers=dict(headers), checks=checks).status_code)

    try_one()
    return seen
