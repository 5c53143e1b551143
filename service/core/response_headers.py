"""The response headers of path operations, as the OpenAPI document describes them."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, Literal

Documented = Literal["ETag", "Location", "Idempotency-Replayed"]

_HEADERS: Final[Mapping[Documented, Mapping[str, Any]]] = MappingProxyType(
    {
        "ETag": {
            "description": "The version of the object, for If-Match and If-None-Match.",
            "schema": {"type": "string", "examples": ['"3"']},
        },
        "Location": {"description": "Where the object is.", "schema": {"type": "string", "format": "uri-reference"}},
        "Idempotency-Replayed": {
            "description": "Present where the answer is the one that an earlier request with the key was given.",
            "schema": {"type": "string", "enum": ["true"]},
        },
    }
)


def headers(status: int, *names: Documented) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI response of an endpoint that answers with that status and these headers."""
    described = {name: dict(_HEADERS[name]) for name in names}
    return {status: {"description": HTTPStatus(status).phrase, "headers": described}}
