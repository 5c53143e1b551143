"""What untrusted code wrote is bounded, cleaned and never trusted to say how long it is."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_lambda.reading import Capture, clean_text, read_result


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("content", "cut", "text"),
    [
        (b"", True, ""),
        (b"plain", True, "plain"),
        ("é".encode(), True, "é"),
        ("é".encode()[:1], True, ""),
        ("é".encode()[:1], False, "\ufffd"),
        ("a😀".encode()[:4], True, "a"),
        ("a😀".encode(), True, "a😀"),
        (b"a\x80\x80\x80\x80", True, "a\ufffd\ufffd\ufffd\ufffd"),
        (b"\x80", True, "\ufffd"),
        (b"a\0b", False, "a\ufffdb"),
        (b"\xed\xa0\x80", False, "\ufffd\ufffd\ufffd"),
    ],
)
def test_text_is_always_storable(content: bytes, cut: bool, text: str) -> None:
    assert clean_text(content, cut=cut) == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(0, 200))
def test_cut_text_is_a_beginning_of_the_whole(text: str, length: int) -> None:
    cut = clean_text(text.encode()[:length], cut=True)

    assert text.startswith(cut)
    assert len(text.encode()[:length]) - len(cut.encode()) < 4


@pytest.mark.parametrize(
    ("content", "result", "dropped"),
    [
        (b"", None, False),
        (b"\0\0", None, False),
        (frame(b"[1]"), [1], False),
        (frame(b"[1]") + b" ", None, False),
        (frame(b"[1]")[:-1], None, False),
        (frame(b""), None, False),
        (frame(b"[Infinity]"), None, False),
        (frame(b"[-1e999]"), None, False),
        (frame(b"1" * 4301), None, False),
        (frame(b'"\\ud800\\u0000"'), "\ufffd\ufffd", False),
        (frame(b'{"a": "[[[[[\\"["}'), {"a": '[[[[["['}, False),
        (frame(b"[[[[1]]]]"), [[[[1]]]], False),
        (frame(b"[[[[[1]]]]]"), None, True),
        (frame(b"[" * 5000), None, True),
        (b"\xff\xff\xff\xff", None, True),
        (frame(b" " * 5001), None, True),
    ],
)
def test_a_result_is_one_well_formed_frame_or_none(content: bytes, result: object, dropped: bool) -> None:
    assert read_result(content, limit=5000, depth=4) == (result, dropped)


@given(st.binary(max_size=64))
def test_no_bytes_make_the_reader_raise(body: bytes) -> None:
    for content in (body, frame(body)):
        result, _ = read_result(content, limit=64, depth=4)
        json.dumps(result, allow_nan=False).encode()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("pattern", [b'\\"', b'"', b"\\", b"[]", b'"\\'])
def test_no_pattern_takes_more_than_linear_work(pattern: bytes) -> None:
    content = frame(b'"' + pattern * 500_000)

    assert read_result(content, limit=len(content), depth=4) == (None, False)


def test_a_capture_keeps_its_limit_and_remembers_that_there_was_more() -> None:
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        capture = Capture(reading, 4)

        assert capture.read()
        os.write(writing, b"1234")
        assert capture.read()
        assert (bytes(capture.content), capture.overflowed) == (b"1234", False)
        os.write(writing, b"5678")
        assert not capture.read()
        assert (bytes(capture.content), capture.overflowed) == (b"1234", True)
    finally:
        os.close(reading)
        os.close(writing)
