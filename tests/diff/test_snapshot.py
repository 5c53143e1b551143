"""Snapshots: handed from one process to another as they are, and without a secret wherever it turns up."""

import base64
import html
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.diffs import snapshot
from workbench.diff.snapshot import Code, Entry, Hidden, Snapshot, restored, secrets_of, snapshot_of, stored
from workbench.manifest import Archive, Manifest, Resource, Secret

_KEY = b"a key"
_MARKER = "a-marker-of-a-secret"
_URN = "urn:pulumi:test::plinth::aws:sqs/queue:Queue::jobs"

_texts = st.text(max_size=6) | st.sampled_from(["hidden", "code", "plain", "[secret]"])
_leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts
_special = st.builds(Hidden, _texts) | st.builds(
    Code, _texts, st.dictionaries(_texts, _texts, max_size=2), st.dictionaries(_texts, _texts, max_size=2)
)
_values = st.recursive(
    _leaf | _special,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=10,
)
_mappings = st.dictionaries(_texts, _values, max_size=3)
_lists = st.lists(_texts, max_size=2)
_entries = st.builds(
    Entry,
    urn=_texts,
    type=_texts,
    name=_texts,
    parent=_texts,
    inputs=_mappings,
    dependencies=_lists,
    property_dependencies=st.dictionaries(_texts, _lists, max_size=2),
    protect=st.booleans(),
    retain_on_delete=st.booleans(),
    aliases=_lists,
    delete_before_replace=st.booleans(),
    ignore_changes=_lists,
    replace_on_changes=_lists,
    custom=st.booleans(),
    remote=st.booleans(),
)


@given(st.builds(Snapshot, _texts, _texts, _texts, st.lists(_entries, max_size=3), _mappings))
def test_a_snapshot_comes_back_as_it_was_stored(made: Snapshot) -> None:
    assert restored(stored(made)) == made


@pytest.mark.parametrize(
    "value",
    [["hidden", "1"], ["code", "1", {}, {}], ["plain", 1], [["hidden", "1"]], {"a": ["hidden", "1"]}, []],
)
def test_a_list_is_never_taken_for_a_secret_or_an_archive(value: Any) -> None:
    made = Snapshot("plinth", "test", "eu-central-1", [], {"value": value})
    assert restored(stored(made)).outputs == {"value": value}


def test_everything_of_a_stack_is_stored() -> None:
    def program() -> None:
        queue = aws.sqs.Queue("jobs", tags={"key": pulumi.Output.secret(_MARKER)})
        options = pulumi.ResourceOptions(
            protect=True,
            retain_on_delete=True,
            ignore_changes=["tags"],
            replace_on_changes=["policy"],
            aliases=["old"],
            delete_before_replace=True,
        )
        aws.sqs.QueuePolicy("jobs", queue_url=queue.url, policy="{}", opts=options)
        pulumi.export("url", queue.url)

    made = snapshot(program)
    assert restored(stored(made)) == made
    policy = made.by_urn()["urn:pulumi:test::plinth::aws:sqs/queuePolicy:QueuePolicy::jobs"]
    assert replace(policy, aliases=()) == Entry(
        urn="urn:pulumi:test::plinth::aws:sqs/queuePolicy:QueuePolicy::jobs",
        type="aws:sqs/queuePolicy:QueuePolicy",
        name="jobs",
        parent="urn:pulumi:test::plinth::pulumi:pulumi:Stack::plinth-test",
        inputs={"policy": "{}", "queueUrl": "${aws:sqs/queue:Queue::jobs.url}"},
        dependencies=[_URN],
        property_dependencies={"policy": [], "queueUrl": [_URN]},
        protect=True,
        retain_on_delete=True,
        ignore_changes=["tags"],
        replace_on_changes=["policy"],
        delete_before_replace=True,
    )


def _manifest(inputs: dict[str, Any], outputs: dict[str, Any] | None = None, **more: Any) -> Manifest:
    resource = Resource(urn=_URN, type="aws:sqs/queue:Queue", name="jobs", parent="", inputs=inputs)
    return Manifest("plinth", "test", [replace(resource, **more)], outputs or {})


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(_manifest({"key": Secret(_MARKER)}), id="an input"),
        pytest.param(_manifest({"a": [{"b": Secret({"c": [_MARKER]})}]}), id="an input inside others"),
        pytest.param(_manifest({"a": Secret([Secret(_MARKER)])}), id="a secret in a secret"),
        pytest.param(_manifest({"key": Secret(_MARKER), "plain": f"x {_MARKER} y"}), id="a text elsewhere"),
        pytest.param(_manifest({"key": Secret(_MARKER), "tags": {_MARKER: "a"}}), id="a key"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, {"out": f"{_MARKER}!"}), id="an output"),
        pytest.param(_manifest({"plain": _MARKER}, {"out": Secret(_MARKER)}), id="an input that an output marks"),
        pytest.param(_manifest({"key": Secret(_MARKER), "policy": json.dumps({"a": [_MARKER]})}), id="a document"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, name=f"jobs-{_MARKER}"), id="a name"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, urn=f"{_URN}-{_MARKER}"), id="a URN"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, type=f"test:index:{_MARKER}"), id="a type"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, parent=f"{_URN}-{_MARKER}"), id="a parent"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, aliases=[json.dumps({"name": _MARKER})]), id="an alias"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, dependencies=[f"{_URN}-{_MARKER}"]), id="a dependency"),
        pytest.param(
            _manifest({"key": Secret(_MARKER)}, property_dependencies={"a": [f"{_URN}-{_MARKER}"]}), id="of a property"
        ),
        pytest.param(
            _manifest({"key": Secret(_MARKER)}, property_dependencies={_MARKER: [_URN]}), id="the name of a property"
        ),
        pytest.param(_manifest({"key": Secret(_MARKER)}, ignore_changes=[f'tags["{_MARKER}"]']), id="what is ignored"),
        pytest.param(_manifest({"key": Secret(_MARKER)}, replace_on_changes=[_MARKER]), id="what replaces"),
        pytest.param(_manifest({"a": Secret(f'"\n{_MARKER}ü'), "b": json.dumps(f'"\n{_MARKER}ü')}), id="escaped"),
    ],
)
def test_a_secret_is_nowhere_in_a_snapshot(manifest: Manifest) -> None:
    made = snapshot_of(manifest, "eu-central-1", _KEY)
    assert _MARKER not in stored(made)
    assert _MARKER not in repr(made)


_ODD = "p@ss w/rd+<&>ü?~~~~secret"


@pytest.mark.parametrize("secret", [_MARKER, _ODD])
@pytest.mark.parametrize("around", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_hidden_in_base64_whatever_is_around_it(
    secret: str, around: str, encode: Callable[[bytes], bytes]
) -> None:
    encoded = encode(f"{around}{secret}{around}".encode()).decode()
    found = snapshot_of(_manifest({"key": Secret(secret), "header": f"Basic {encoded}"}), "eu-central-1", _KEY)
    shown = found.entries[0].inputs["header"]
    assert shown.startswith("Basic ")
    # What is left are the letters that hold something of what is around it.
    assert len(shown.removeprefix("Basic ").replace("[secret]", "")) <= 12


@pytest.mark.parametrize(
    "encode",
    [quote, quote_plus, partial(quote, safe=""), html.escape, json.dumps, partial(json.dumps, ensure_ascii=False)],
)
def test_a_secret_is_hidden_in_addresses_and_documents(encode: Callable[[str], str]) -> None:
    inputs = {"key": Secret(_ODD), "address": f"postgres://u:{encode(_ODD)}@database"}
    shown = snapshot_of(_manifest(inputs), "eu-central-1", _KEY).entries[0].inputs["address"]
    assert shown.replace('"', "") == "postgres://u:[secret]@database"


def test_short_secrets_are_hidden_where_they_are_and_not_taken_for_words() -> None:
    made = snapshot_of(_manifest({"key": Secret("on"), "plain": "confirmation"}), "eu-central-1", _KEY)
    assert made.entries[0].inputs["plain"] == "confirmation"
    assert isinstance(made.entries[0].inputs["key"], Hidden)


def test_a_word_that_is_a_secret_somewhere_is_a_word_elsewhere() -> None:
    manifest = _manifest({"key": Secret("database"), "plain": "the database"}, name="database-jobs")
    (entry,) = snapshot_of(manifest, "eu-central-1", _KEY).entries
    assert (entry.name, entry.inputs["plain"]) == ("database-jobs", "the database")
    assert secrets_of(_manifest({"a": Secret("database"), "b": Secret("d4tabase"), "c": Secret("z" * 16)})) == {
        "d4tabase",
        "z" * 16,
    }


def test_what_the_other_side_keeps_secret_is_hidden_too() -> None:
    made = snapshot_of(_manifest({"plain": f"x {_MARKER}"}), "eu-central-1", _KEY, others=[_MARKER])
    assert made.entries[0].inputs["plain"] == "x [secret]"


def test_secrets_are_told_apart_and_not_told() -> None:
    one, same, other = (
        snapshot_of(_manifest({"key": Secret(value)}), "eu-central-1", _KEY).entries[0].inputs["key"]
        for value in (_MARKER, _MARKER, "another-one-that-is-secret")
    )
    assert one == same
    assert one != other
    assert repr(one) == "Hidden()"


def test_keys_inside_a_secret_are_words() -> None:
    made = snapshot_of(_manifest({"a": Secret({"password": "x"}), "b": "the password"}), "eu-central-1", _KEY)
    assert made.entries[0].inputs["b"] == "the password"


def test_secrets_are_compared_by_what_is_in_them() -> None:
    def hidden(value: Any) -> Any:
        return snapshot_of(_manifest({"key": Secret(value)}), "eu-central-1", _KEY).entries[0].inputs["key"]

    assert hidden({"a": 1, "b": [Secret("x")]}) == hidden({"b": ["x"], "a": 1})
    assert hidden(1) != hidden("1")


def test_digests_of_one_comparison_say_nothing_to_another() -> None:
    one, other = (
        snapshot_of(_manifest({"key": Secret(_MARKER)}), "eu-central-1", key).entries[0].inputs["key"]
        for key in (b"one", b"other")
    )
    assert one != other


def test_an_archive_is_its_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.py").write_text("a")
    (tmp_path / "inner" / "b.py").write_text("b")
    code = snapshot_of(_manifest({"code": Archive(tmp_path)}), "eu-central-1", _KEY).entries[0].inputs["code"]
    assert isinstance(code, Code)
    assert sorted(code.files) == ["a.py", "inner/b.py"]
    assert code.digest == Archive(tmp_path).digest()


def test_components_are_named_from_the_outside_in() -> None:
    outer = Entry("urn:outer", "test:index:Outer", "outer", "urn:stack", {}, custom=False)
    inner = Entry("urn:inner", "test:index:Inner", "inner", "urn:outer", {}, custom=False)
    queue = Entry("urn:queue", "aws:sqs/queue:Queue", "queue", "urn:inner", {})
    made = Snapshot("plinth", "test", "eu-central-1", [outer, inner, queue])
    assert [made.components_of(each) for each in made.entries] == [[], ["outer"], ["outer", "inner"]]
