"""The keys of an environment: weak ones stop the start, new ones are found, none is ever shown."""

import base64
import json
import logging
from typing import Any

import pytest

from service.core import aws, keys
from service.core.keys import KeyRing, UnusableKeysError
from service.core.settings import get_settings

GOOD = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(100, 132))).decode()
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keys"


def document(**changes: Any) -> str:
    return json.dumps({"current": "a", "keys": {"a": GOOD}, "api_key_pepper": OTHER, **changes})


def test_a_key_ring_is_the_same_after_writing_and_reading() -> None:
    ring = KeyRing.generate()
    assert KeyRing.parse(ring.to_json()) == ring
    assert KeyRing.parse(document()) == KeyRing("a", {"a": bytes(range(32))}, bytes(range(100, 132)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not the JSON document"),
        ("[]", "not the JSON document"),
        ("null", "not the JSON document"),
        ("{}", "not the JSON document"),
        (document(keys=[GOOD]), "not the JSON document"),
        (document(current="b"), "no key with the id of the current one, 'b'"),
        (document(current=["a"]), "no key with the id"),
        (document(keys={}), "no key with the id"),
        (document(keys={"a": "not base64!"}), "key a is not base64"),
        (document(keys={"a": 5}), "key a is not base64"),
        (document(keys={"a": "é"}), "key a is not base64"),
        (document(keys={"a": GOOD[:40]}), "key a is weak: 30 bytes of at least 32"),
        (document(keys={"a": GOOD, "old": ""}), "key old is weak: 0 bytes"),
        (document(keys={"a": base64.b64encode(b"0123456789" * 4).decode()}), "key a is weak: it is not random"),
        (document(keys={"a": base64.b64encode(bytes(32)).decode()}), "key a is weak: it is not random"),
        (document(api_key_pepper=base64.b64encode(b"pepper").decode()), "api_key_pepper is weak: 6 bytes"),
        (document(api_key_pepper=None), "api_key_pepper is not base64"),
    ],
)
def test_keys_that_are_missing_malformed_or_weak_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setenv("SIGNING_KEYS", text)
    with pytest.raises(UnusableKeysError) as refused:
        keys.key_ring()
    assert words in str(refused.value)
    assert GOOD not in str(refused.value)


def test_no_keys_at_all_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNING_KEYS")
    with pytest.raises(UnusableKeysError, match="Neither SIGNING_KEYS nor SIGNING_KEYS_SECRET_ARN is set"):
        keys.key_ring()


def test_what_is_shown_of_keys_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing.generate()
    assert repr(ring) == f"KeyRing(current={ring.current!r})"
    monkeypatch.setenv("SIGNING_KEYS", ring.to_json())
    get_settings.cache_clear()
    assert base64.b64encode(ring.api_key_pepper).decode() not in repr(get_settings())


def test_generated_keys_are_random_and_long_enough() -> None:
    one, two = KeyRing.generate(), KeyRing.generate()
    secrets = [one.api_key_pepper, two.api_key_pepper, *one.signing.values(), *two.signing.values()]
    assert {len(secret) for secret in secrets} == {32}
    assert len(set(secrets)) == 4


def test_a_rotation_keeps_the_two_keys_before_it_and_the_pepper() -> None:
    first = KeyRing.generate()
    second, third = first.rotated(), first.rotated().rotated()
    assert list(second.signing) == [first.current, second.current]
    assert second.signing[first.current] == first.signing[first.current]
    assert (len(third.signing), third.current in third.signing) == (3, True)
    fourth = third.rotated()
    assert list(fourth.signing) == [*list(third.signing)[1:], fourth.current]
    assert fourth.api_key_pepper == first.api_key_pepper


def test_a_rotation_keeps_the_current_key_wherever_it_stands() -> None:
    ring = KeyRing("a", {"a": bytes(range(32)), "b": bytes(range(1, 33)), "c": bytes(range(2, 34))}, bytes(range(32)))
    rotated = ring.rotated()
    assert list(rotated.signing) == ["c", "a", rotated.current]


class Secrets:
    """A Secrets Manager whose secret can change or be out of reach. Stands for AWS's."""

    def __init__(self, ring: KeyRing) -> None:
        self.text: str | None = ring.to_json()
        self.fetched = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == ARN
        self.fetched += 1
        if self.text is None:
            raise ConnectionError("no route to Secrets Manager")
        return {"SecretString": self.text}


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        import time

        return getattr(time, name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys, "time", clock)
    return clock


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Secrets:
    secrets = Secrets(KeyRing.generate())
    monkeypatch.delenv("SIGNING_KEYS")
    monkeypatch.setenv("SIGNING_KEYS_SECRET_ARN", ARN)
    monkeypatch.setattr(aws, "client", lambda *_, **__: secrets)
    return secrets


def test_keys_are_fetched_once_and_again_after_five_minutes(secret: Secrets, clock: Clock) -> None:
    first = [keys.key_ring() for _ in range(3)]
    assert (secret.fetched, first[0].to_json()) == (1, secret.text)
    secret.text = KeyRing.parse(first[0].to_json()).rotated().to_json()
    clock.now += 299
    assert keys.key_ring() == first[0]
    clock.now += 2
    assert (keys.key_ring().to_json(), secret.fetched) == (secret.text, 2)


def test_a_key_that_is_not_known_is_fetched_at_most_every_ten_seconds(secret: Secrets, clock: Clock) -> None:
    ring = keys.key_ring()
    rotated = ring.rotated()
    secret.text = rotated.to_json()
    clock.now += 9
    assert rotated.current not in keys.key_ring_with(rotated.current).signing
    clock.now += 2
    assert keys.key_ring_with(rotated.current) == rotated
    for _ in range(5):
        assert keys.key_ring_with("forged") == rotated
    assert secret.fetched == 2
    clock.now += 11
    keys.key_ring_with("forged")
    keys.key_ring_with(ring.current)
    assert secret.fetched == 3


def test_known_keys_are_kept_while_new_ones_cannot_be_had(
    secret: Secrets, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ring, good = keys.key_ring(), secret.text
    for broken in (None, "{}", document(keys={"a": GOOD[:40]})):
        secret.text = broken
        clock.now += 301
        assert keys.key_ring() == ring
        assert keys.key_ring() == ring
    assert secret.fetched == 4
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
    assert not any(text in caplog.text for text in (GOOD, GOOD[:40], str(good)))
    secret.text = ring.rotated().to_json()
    clock.now += 301
    assert keys.key_ring().to_json() == secret.text


def test_a_secret_out_of_reach_stops_the_start_and_says_which(secret: Secrets) -> None:
    secret.text = None
    with pytest.raises(UnusableKeysError) as refused:
        keys.key_ring()
    assert str(refused.value) == (
        f"The signing keys cannot be fetched from {ARN}. ConnectionError: no route to Secrets Manager"
    )
