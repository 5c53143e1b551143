"""A uid is believed to be clean only on the word of a holder that came to its end, in the same surroundings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox_lambda import identity, kernel, workspace
from sandbox_lambda.identity import Lease, own_user
from sandbox_lambda.runner import run
from sandbox_lambda.workspace import wipe_leftovers

pytestmark = pytest.mark.skipif(
    not kernel.LINUX or os.geteuid() != 0, reason="Only root gives each run a user of its own."
)

ROOT = Path(__file__).parents[2]
USER = identity._FIRST_USER  # pyright: ignore[reportPrivateUsage]
needs_fresh_leases = pytest.mark.usefixtures("leases")


@pytest.fixture
def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of leases that nobody has held yet."""
    monkeypatch.setattr(identity, "_STATE", tmp_path / "state")
    return tmp_path / "state" / "users"


def held() -> Lease:
    """The next lease, given back at once."""
    with own_user() as lease:
        return lease


@needs_fresh_leases
def test_a_holder_that_comes_to_its_end_leaves_the_uid_clean() -> None:
    assert [held(), held(), held()] == [Lease(USER), Lease(USER, left_clean=True), Lease(USER, left_clean=True)]


def test_while_a_uid_is_held_it_is_not_said_to_be_clean_and_nobody_else_has_it(leases: Path) -> None:
    held()
    with own_user() as first:
        assert (leases / str(USER)).read_bytes() == b""
        assert [held(), held()] == [Lease(USER + 1), Lease(USER + 1, left_clean=True)]

    assert (first, held()) == (Lease(USER, left_clean=True), Lease(USER, left_clean=True))


@needs_fresh_leases
def test_a_holder_that_fails_leaves_it_unsaid() -> None:
    held()
    with pytest.raises(KeyboardInterrupt), own_user():
        raise KeyboardInterrupt

    assert [held(), held()] == [Lease(USER), Lease(USER, left_clean=True)]


@pytest.mark.parametrize(("call", "left_clean"), [("ftruncate", True), ("pwrite", False)])
def test_a_holder_killed_before_its_first_act_changes_nothing_and_before_its_last_leaves_it_unsaid(
    call: str, left_clean: bool, leases: Path
) -> None:
    held()
    program = (
        "import os, pathlib, sys\nfrom sandbox_lambda import identity\n"
        "identity._STATE = pathlib.Path(sys.argv[1])\n"
        "setattr(identity.os, sys.argv[2], lambda *_: os.kill(os.getpid(), 9))\n"
        "with identity.own_user(): pass"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(leases.parent), call],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=30,
        check=False,
    )

    assert killed.returncode == -9
    assert held() == Lease(USER, left_clean=left_clean)


@needs_fresh_leases
def test_what_was_clean_in_other_surroundings_is_not_believed_to_be_clean_here(monkeypatch: pytest.MonkeyPatch) -> None:
    here = kernel.field_of_view()
    assert here is not None
    held()
    monkeypatch.setattr(kernel, "field_of_view", lambda: here.replace(b"pid:", b"pid:1"))
    elsewhere = held()
    monkeypatch.setattr(kernel, "field_of_view", lambda: here)

    assert [elsewhere, held()] == [Lease(USER), Lease(USER)]


@needs_fresh_leases
def test_where_the_surroundings_are_unknown_nothing_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "field_of_view", lambda: None)

    assert [held(), held()] == [Lease(USER), Lease(USER)]


def test_half_a_word_and_more_than_one_are_not_believed(leases: Path) -> None:
    held()
    lease = leases / str(USER)
    said = lease.read_bytes()

    found: list[Lease] = []
    for now in (said[:-1], said + b"!", b"", said):
        lease.write_bytes(now)
        found.append(held())
    assert found == [Lease(USER), Lease(USER), Lease(USER), Lease(USER, left_clean=True)]


def test_a_run_looks_for_leftovers_unless_its_uid_was_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    user = 61112
    monkeypatch.setattr(identity, "_FIRST_USER", user)
    monkeypatch.setattr(identity, "_USERS", 1)
    Path(f"/tmp/plinth-sandbox/users/{user}").unlink(missing_ok=True)
    wiped: list[int] = []

    def wipe(owner: int) -> None:
        wiped.append(owner)
        wipe_leftovers(owner)

    monkeypatch.setattr(workspace, "wipe_leftovers", wipe)

    counts: list[int] = []
    for _ in range(3):
        run("pass", {})
        counts.append(len(wiped))
    assert counts == [2, 3, 4]
