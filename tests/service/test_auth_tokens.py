"""Access tokens: only those that this environment signed, for itself, a moment ago."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from service.auth import tokens
from service.core import keys
from service.core.actor import Actor
from service.core.settings import get_settings
from tests.service.conftest import bearer

Make = Callable[[dict[str, Any]], str]


@pytest.fixture
def claims(actor: Actor) -> dict[str, Any]:
    """The claims of a token of `actor`, as the service makes them."""
    token = bearer(actor)["Authorization"].removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims: dict[str, Any], *, headers: dict[str, Any] | None = None, **options: Any) -> str:
    """A token like the service's own, but for what is given."""
    ring = keys.key_ring()
    key = options.pop("key", ring.signing[ring.current])
    return jwt.encode(
        claims, key, headers={"kid": ring.current, **(headers or {})}, **{"algorithm": "HS256", **options}
    )


def pieces(token: str, *, header: object = None, payload: object = None) -> str:
    """The token with another header or payload, and the signature that it had."""
    own_header, own_payload, signature = token.split(".")
    parts = (
        encoded(header) if header is not None else own_header,
        encoded(payload) if payload is not None else own_payload,
    )
    return ".".join((*parts, signature))


def encoded(value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_a_token_says_who_for_how_long_and_for_whom(claims: dict[str, Any], actor: Actor) -> None:
    assert len(UUID(claims.pop("jti")).hex) == 32
    issued_at = claims.pop("iat")
    assert abs(time.time() - issued_at) < 60
    assert claims == {
        "iss": "urn:plinth:local",
        "aud": "urn:plinth:local:api",
        "sub": str(actor.user_id),
        "sid": str(actor.session_id),
        "exp": issued_at + 900,
        "scope": " ".join(sorted(actor.scopes)),
    }


def test_no_two_tokens_are_the_same(actor: Actor) -> None:
    assert bearer(actor) != bearer(actor)


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

REFUSED: dict[str, Make] = {
    "signed with another key": lambda claims: signed(claims, key=b"k" * 32),
    "signed with nothing": lambda claims: jwt.encode(claims, "", algorithm="none", headers={"kid": kid()}),
    "said to be signed with nothing": lambda claims: pieces(signed(claims), header={"alg": "none", "kid": kid()}),
    "without a signature": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "signed with another algorithm": lambda claims: signed(claims, algorithm="HS512"),
    "signed with a private key": lambda claims: signed(claims, key=RSA, algorithm="RS256"),
    "said to be signed with a private key": lambda claims: pieces(
        signed(claims), header={"alg": "RS256", "kid": kid()}
    ),
    "signed with its own key": lambda claims: signed(
        claims, key=b"k" * 32, headers={"jwk": {"kty": "oct", "k": "a2s"}}
    ),
    "with another payload": lambda claims: pieces(signed(claims), payload={**claims, "scope": "users:read"}),
    "of an unknown key": lambda claims: signed(claims, headers={"kid": "nobody-knows"}),
    "of a key that is a number": lambda claims: pieces(signed(claims), header={"alg": "HS256", "kid": 7}),
    "of a key that is a list": lambda claims: pieces(signed(claims), header={"alg": "HS256", "kid": []}),
    "of no key": lambda claims: jwt.encode(claims, current_key(), algorithm="HS256"),
    "of another environment": lambda claims: signed({**claims, "iss": "urn:plinth:prod"}),
    "for another environment": lambda claims: signed({**claims, "aud": "urn:plinth:prod:api"}),
    "that expired": lambda claims: signed({**claims, "exp": int(time.time()) - 10}),
    "that expires at a text": lambda claims: signed({**claims, "exp": "tomorrow"}),
    "from the future": lambda claims: signed({**claims, "iat": int(time.time()) + 3600}),
    "of nobody": lambda claims: signed({**claims, "sub": "nobody"}),
    "of a number": lambda claims: signed({**claims, "sub": 5}),
    "of no session": lambda claims: signed({**claims, "sid": ""}),
    "of a session that is a number": lambda claims: signed({**claims, "sid": 5}),
    "with a list of scopes": lambda claims: signed({**claims, "scope": ["items:read"]}),
    "with critical headers": lambda claims: signed(claims, headers={"crit": ["exp"]}),
    "with a payload that is a list": lambda claims: pieces(signed(claims), payload=[]),
    "with a header that is a list": lambda claims: pieces(signed(claims), header=[]),
    "with a deep header": lambda claims: pieces(signed(claims), header=b"[" * 2000),
    "with a deep payload": lambda claims: pieces(signed(claims), payload=b"[" * 2000),
    "with a header that is no text": lambda claims: pieces(signed(claims), header=b"\xff\xfe"),
    "that is huge": lambda claims: signed({**claims, "more": "x" * 4000}),
    "that is one dot": lambda _: ".",
    "that is two dots": lambda _: "..",
    "that is no base64": lambda _: "é.ü.ß",
    "that is a word": lambda _: "null",
    "that is nothing": lambda _: "",
    **{
        f"without {name}": lambda claims, name=name: signed({key: claims[key] for key in claims if key != name})
        for name in ("iss", "aud", "sub", "jti", "iat", "exp", "sid", "scope")
    },
}


def kid() -> str:
    return keys.key_ring().current


def current_key() -> bytes:
    return keys.key_ring().signing[kid()]


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_token_is_refused(anonymous: TestClient, claims: dict[str, Any], make: Make) -> None:
    # Bytes, because httpx refuses to send what a hostile client sends.
    header = b"Bearer " + make(claims).encode("latin-1")
    answer = anonymous.get("/v1/users/me", headers=[(b"Authorization", header)])
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["detail"] == "The access token is not valid or has expired."


def test_the_tokens_of_these_tests_are_otherwise_good(anonymous: TestClient, claims: dict[str, Any]) -> None:
    for token in (signed(claims), pieces(signed(claims)), signed({**claims, "more": "x"})):
        assert anonymous.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_public_key_cannot_be_taken_for_a_shared_one(anonymous: TestClient, claims: dict[str, Any]) -> None:
    # The library itself refuses to make such a token, so it is made by hand.
    token = jwt.api_jws.PyJWS().encode(json.dumps(claims).encode(), "x" * 64, algorithm="HS256")
    header = {"alg": "RS256", "kid": keys.key_ring().current}
    forged = pieces(token, header=header, payload={**claims, "jwk": PUBLIC.decode()})
    assert anonymous.get("/v1/users/me", headers={"Authorization": f"Bearer {forged}"}).status_code == 401


@pytest.mark.parametrize(
    "header",
    [b"", b"Bearer", b"bearer ", b"Basic YTpi", b"Token x", b"\xff\xfe", b"Bearer " + b"\xff" * 100, b"Bearer a b"],
)
def test_any_other_authorization_header_is_a_401(anonymous: TestClient, header: bytes) -> None:
    answer = anonymous.get("/v1/users/me", headers=[(b"Authorization", header)])
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_another_environment_with_the_same_keys_refuses_the_token(
    anonymous: TestClient, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(actor)
    assert anonymous.get("/v1/users/me", headers=headers).status_code == 200
    monkeypatch.setenv("PLINTH_STACK", "prod")
    get_settings.cache_clear()
    assert anonymous.get("/v1/users/me", headers=headers).status_code == 401


def test_tokens_outlive_the_rotation_of_the_key_that_signed_them(
    anonymous: TestClient, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, ring = bearer(actor), keys.key_ring()
    statuses: list[int] = []
    for _ in range(3):
        ring = ring.rotated()
        monkeypatch.setenv("SIGNING_KEYS", ring.to_json())
        get_settings.cache_clear()
        keys.forget()
        statuses.append(anonymous.get("/v1/users/me", headers=headers).status_code)
        assert jwt.get_unverified_header(bearer(actor)["Authorization"].removeprefix("Bearer "))["kid"] == ring.current
    assert statuses == [200, 200, 401]


def test_reading_a_token_tells_what_issuing_it_was_told() -> None:
    claims = tokens.Claims(UUID(int=1), UUID(int=2), frozenset({"items:read", "runs:read"}))
    assert tokens.read(tokens.issue(claims)) == claims
