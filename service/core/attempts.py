"""Guesses at a secret: counted by whom they are about and where they come from, and refused when they are too many."""

import hashlib
import math
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from service.core.counts import StoreAwayError, get_counts
from service.core.errors import ServiceError, UnauthenticatedError


class TooManyAttemptsError(ServiceError):
    """Somebody guessed too often at the secret of that subject."""

    status = 429
    code = "too-many-attempts"
    title = "Too many attempts"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"There were too many failed attempts; try again in {retry_after_seconds} seconds.")
        self.headers = {"Retry-After": str(retry_after_seconds)}


class Attempts:
    """Attempts of one kind. A subject may fail `most` times within a window that begins with its first failure."""

    def __init__(self, kind: str, *, most: int, window_seconds: int) -> None:
        self._kind = kind
        self._most = most
        self._window_seconds = window_seconds

    @contextmanager
    def counted(self, subject: str) -> Generator[None]:
        """Count the block as a failure of the subject where it raises UnauthenticatedError.

        Raises TooManyAttemptsError where the subject failed too often, and StoreAwayError where the store that all
        instances share is away: an instance alone would allow each of its own guesses.
        """
        counts = get_counts()
        key = self._key(subject)
        # It counts from the beginning, or as many guesses as there are instances would be under way at once.
        counted = counts.add(key, window_seconds=self._window_seconds, at_most=self._most)
        if not counted.exact:
            raise StoreAwayError
        if counted.value > self._most:
            raise TooManyAttemptsError(max(1, math.ceil(counted.rest_seconds)))
        try:
            yield
        except UnauthenticatedError:
            raise
        except BaseException:
            counts.take_back(key)
            raise
        counts.take_back(key)

    def _key(self, subject: str) -> str:
        # What people are called is no business of the store's.
        return f"attempts:{self._kind}:{hashlib.sha256(subject.encode(errors='surrogatepass')).hexdigest()}"


_FROM_ONE_NETWORK: Final = Attempts("password-from-network", most=10, window_seconds=15 * 60)
_FROM_EVERYWHERE: Final = Attempts("password", most=100, window_seconds=60 * 60)
_SIGNED_IN: Final = Attempts("own-password", most=10, window_seconds=15 * 60)


@contextmanager
def sign_in_attempt(address: str, *, network: str) -> Generator[None]:
    """A guess at the password of the account with that address, by somebody in that network. See `Attempts.counted`.

    Ten failures in a quarter of an hour stop the network and nobody else, or anybody could lock anybody out. A hundred
    in an hour, from wherever, stop everybody: that is the bound for whoever has many networks to guess from.
    """
    with _FROM_ONE_NETWORK.counted(f"{address} {network}"), _FROM_EVERYWHERE.counted(address):
        yield


@contextmanager
def own_password_attempt(user_id: UUID) -> Generator[None]:
    """A guess at that user's password with a credential of theirs, which may be stolen. See `Attempts.counted`.

    Counted apart from signing in: whoever has no credential cannot keep a user from changing the password.
    """
    with _SIGNED_IN.counted(str(user_id)):
        yield
