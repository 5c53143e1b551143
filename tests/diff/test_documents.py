"""JSON inside strings, and the one form that policies are brought into."""

import json
from typing import Any

import pytest

from workbench.diff.documents import Unordered, document, is_policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        ("  [1, 2]\n", [1, 2]),
        ("{}", {}),
        ("", None),
        ("1", None),
        ("true", None),
        ('"text"', None),
        ("{", None),
        ("{a: 1}", None),
        ('{"a": 1, "a": 1}', None),
        ('{"a": Infinity}', None),
        ('{"a": ' + "1" * 5_000 + "}", None),
        ("${aws:sqs/queue:Queue::jobs.id}", None),
    ],
)
def test_only_whole_objects_and_arrays_are_documents(text: str, expected: Any) -> None:
    assert document(text) == expected


def test_a_document_may_be_as_deep_as_values_are_taken_apart() -> None:
    assert document("[" * 64 + "]" * 64) is not None
    assert document("[" * 65 + "]" * 65) is None


def test_a_policy_is_read_as_what_it_means() -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["b:Two", "a:One", "b:Two"],
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "true"}},
        },
    }
    read = document(json.dumps(policy))
    assert read == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["a:One", "b:Two"],
                "Resource": ["*"],
                "Condition": {"Bool": {"aws:SecureTransport": ["true"]}},
            }
        ],
    }
    statement = read["Statement"][0]
    sets = [read["Statement"], statement["Action"], statement["Resource"], statement["Principal"]["AWS"]]
    assert [type(each) for each in sets] == [Unordered] * 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Statement": [{"Effect": "Allow"}]}, True),
        ({"Statement": {"Effect": "Deny"}}, True),
        ({"Statement": []}, False),
        ({"Statement": "text"}, False),
        ({"Statement": [{"effect": "Allow"}]}, False),
        ({"Statement": [{"Effect": "Allow"}, "text"]}, False),
        ({}, False),
        ([], False),
    ],
)
def test_a_policy_is_told_by_its_statements(value: Any, expected: bool) -> None:
    assert is_policy(value) is expected


@pytest.mark.parametrize("key", ["Action", "Principal", "Condition"])
def test_a_policy_that_aws_would_refuse_is_read_all_the_same(key: str) -> None:
    odd = {"Effect": "Allow", key: [{"a": 1}, None, "text"]}
    assert document(json.dumps({"Statement": [odd]}))["Statement"][0]["Effect"] == "Allow"
