"""Counts within windows of time: in the store that all instances share, and in memory while that is away."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from service.core.errors import ServiceError
from service.core.settings import get_settings

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

STORE_TIMEOUT_SECONDS: Final = 0.5
"""The longest wait for the store: to connect, and for an answer."""

REST_SECONDS: Final = 3.0
"""How long a store that failed is left alone. Requests meanwhile do not wait for it."""

# Counts, unless that would be more than ARGV[3] (0: no such bound), and tells the count and the window's rest.
_ADD = """
local bound = tonumber(ARGV[3])
if bound > 0 and (redis.call('GET', KEYS[1]) or 0) + ARGV[1] > bound then
  return {bound + 1, redis.call('PTTL', KEYS[1])}
end
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local rest = redis.call('PTTL', KEYS[1])
if rest < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  rest = tonumber(ARGV[2])
end
return {count, rest}
"""
_TAKE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end
"""
_PREFIX: Final = "plinth:"
_KEYS_BEFORE_CLEANING: Final = 10_000


class StoreAwayError(ServiceError):
    """The shared store of counts does not answer, and what was asked for is too sensitive to go uncounted."""

    status = 503
    code = "counts-away"
    title = "Service unavailable"

    def __init__(self) -> None:
        super().__init__("Requests cannot be counted at the moment, and this one must be; try again.")
        self.headers = {"Retry-After": str(round(REST_SECONDS))}


@dataclass(frozen=True, slots=True)
class Count:
    """A count after something was added to it."""

    value: int
    rest_seconds: float
    """Until the window ends and the count is 0 again."""

    exact: bool
    """Whether it counts for all instances. False while the shared store is away."""


class Counts:
    """The counts of this process. Thread-safe; no method waits for a store that failed a moment ago."""

    def __init__(self, uri: str) -> None:
        self._memory = _Memory()
        self._shared = None if uri.startswith("memory:") else _Shared(uri)
        self._lock = threading.Lock()
        self._away_until = 0.0

    def add(self, key: str, *, window_seconds: float, amount: int = 1, at_most: int = 0) -> Count:
        """Add to a count; its window begins with the first addition. One exchange with the store.

        Nothing is added where the count would exceed `at_most`: then the value is `at_most + 1`.
        """
        answer = self._ask(lambda store: store.add(key, window_seconds, amount, at_most))
        if answer is not None:
            return Count(answer[0], answer[1], exact=True)
        value, rest = self._memory.add(key, window_seconds, amount, at_most)
        return Count(value, rest, exact=self._shared is None)

    def take_back(self, key: str) -> None:
        """Take one from a count that is above 0. It stays where the store is away."""
        if self._ask(lambda store: store.take_back(key)) is None:
            self._memory.take_back(key)

    def answers(self) -> bool:
        """Whether the store answers, asked now whatever happened a moment ago."""
        if self._shared is None:
            return True
        try:
            return self._shared.answers()
        except self._shared.errors:
            return False

    @property
    def is_shared(self) -> bool:
        """Whether there is a store that other instances use too, which can be away."""
        return self._shared is not None

    def close(self) -> None:
        """Close the connections. The next use opens new ones, whether or not the store was away."""
        self._away_until = 0.0
        if self._shared is not None:
            self._shared.close()

    def clear(self) -> None:
        """Forget every count of this process. Those of the shared store stay."""
        self._memory = _Memory()

    def _ask(self, question: "Callable[[_Shared], _Answer]") -> "_Answer | None":
        if self._shared is None or not self._may_ask():
            return None
        try:
            answer = question(self._shared)
        except self._shared.errors as error:
            self._away_until = time.monotonic() + REST_SECONDS
            logger.warning("the store of counts is away: this instance counts for itself", extra={"reason": str(error)})
            return None
        if self._away_until:
            self._away_until = 0.0
            logger.warning("the store of counts is back")
        return answer

    def _may_ask(self) -> bool:
        if not self._away_until:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._away_until:
                return False
            # One request finds out; those beside it do not wait with it.
            self._away_until = now + REST_SECONDS
            return True


@lru_cache
def get_counts() -> Counts:
    """The counts of this process. Nothing is imported or connected to before their first use."""
    return Counts(get_settings().rate_limit_storage_uri)


class _Shared:
    """The counts in Valkey. Every method may raise one of `errors`."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        import valkey

        return (valkey.ValkeyError, OSError)

    def add(self, key: str, window_seconds: float, amount: int, at_most: int) -> tuple[int, float]:
        milliseconds = round(window_seconds * 1000)
        value, rest = self._connected().eval(_ADD, 1, _PREFIX + key, amount, milliseconds, at_most)
        return value, max(0, rest) / 1000

    def take_back(self, key: str) -> bool:
        self._connected().eval(_TAKE_BACK, 1, _PREFIX + key)
        return True

    def answers(self) -> bool:
        return bool(self._connected().ping())

    def close(self) -> None:
        if self._client is not None:
            self._client.connection_pool.disconnect()

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                # A tenth of a second, which the import of the application need not take.
                import valkey

                # No second try: whoever waited once for a store that is away counts in memory. And no exchanges
                # about the client's own name before the first count.
                untyped: Any = valkey.Valkey
                self._client = untyped.from_url(
                    self._uri,
                    socket_timeout=STORE_TIMEOUT_SECONDS,
                    socket_connect_timeout=STORE_TIMEOUT_SECONDS,
                    socket_keepalive=True,
                    lib_name=None,
                    lib_version=None,
                )
            return self._client


class _Memory:
    """The same counts in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._clean_at = _KEYS_BEFORE_CLEANING

    def add(self, key: str, window_seconds: float, amount: int, at_most: int) -> tuple[int, float]:
        with self._lock:
            now = time.monotonic()
            value, ends = self._windows.get(key, (0, 0.0))
            if ends <= now:
                value, ends = 0, now + window_seconds
            if at_most and value + amount > at_most:
                return at_most + 1, ends - now
            self._windows[key] = (value + amount, ends)
            self._clean(now)
            return value + amount, ends - now

    def take_back(self, key: str) -> None:
        with self._lock:
            value, ends = self._windows.get(key, (0, 0.0))
            if value > 0:
                self._windows[key] = (value - 1, ends)

    def _clean(self, now: float) -> None:
        if len(self._windows) < self._clean_at:
            return
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
        self._clean_at = max(_KEYS_BEFORE_CLEANING, 2 * len(self._windows))
