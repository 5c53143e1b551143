"""SnapStart: what to do before Lambda takes the snapshot of an initialised function, and in every copy made of it.

Outside Lambda nothing calls these hooks. A copy must share with the others neither connections, nor secrets that may
have been replaced since, nor the state of a random number generator.
"""

import importlib
import random
import ssl
from collections.abc import Callable
from os import urandom
from typing import Any

from service.core import counts, database, ids, keys
from service.runs import dispatch


def register(*, warm: Callable[[], object]) -> None:
    """Have Lambda call `prepare` before a snapshot and `restored` after. Does nothing where there is no SnapStart."""
    try:
        hooks: Any = importlib.import_module("snapshot_restore_py")
    except ImportError:
        return
    hooks.register_before_snapshot(prepare, warm)
    hooks.register_after_restore(restored)


def prepare(warm: Callable[[], object]) -> None:
    """Do what the first request would have to wait for, then close every connection and forget every secret."""
    warm()
    database.disconnect()
    counts.get_counts().close()
    dispatch.sqs.cache_clear()
    keys.forget()


def restored() -> None:
    """Take random numbers of this copy's own: the snapshot's would be those of every copy."""
    random.seed()
    ids.reseed()
    ssl.RAND_add(urandom(64), 64)
