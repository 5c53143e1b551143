"""Scripts whose output wants to break whoever reads it: the runner, the worker, PostgreSQL, a terminal, a browser."""

import re
from typing import Any

from tests.security.attack import Attack, End


def _result(name: str, code: str, result: Any, **ends: Any) -> Attack:
    return Attack(name=name, threats=("T11",), code=code, ends=End(result=result, **ends))


def _frame(name: str, body: str, result: Any = None, **ends: Any) -> Attack:
    """A report written by hand, so that no encoder stands between the bytes and the reader."""
    code = f"""
import os
body = {body}
frame = len(body).to_bytes(4, "big") + body
for descriptor in os.listdir("/proc/self/fd"):
    if int(descriptor) > 2:
        try:
            os.write(int(descriptor), frame)
        except OSError:
            pass
"""
    return Attack(name=name, threats=("T10", "T11"), code=code, ends=End(result=result, **ends))


_NOT_JSON = re.compile(r"The global `result` \(\w+\) cannot be returned: .*\n")

ATTACKS = (
    _result("not-a-number", "result = float('nan')", None, status="failed", exit_code=1, stderr=_NOT_JSON),
    _result("infinity", "result = [float('-inf')]", None, status="failed", exit_code=1, stderr=_NOT_JSON),
    _result("not-json-at-all", "result = object()", None, status="failed", exit_code=1, stderr=_NOT_JSON),
    _result("circular", "result = []\nresult.append(result)", None, status="failed", exit_code=1, stderr=_NOT_JSON),
    _result("keys-of-other-kinds", "result = {1: 1, None: 2, True: 3, 2.5: 4}", {"1": 3, "null": 2, "2.5": 4}),
    _result("nul", "result = {'a\\0b': ['\\0']}", {"a\ufffdb": ["\ufffd"]}),
    _result("lone-surrogates", "result = {'\\ud800': '\\udfff\\ud800'}", {"\ufffd": "\ufffd\ufffd"}),
    _result("terminal-escapes", "result = '\\x1b[2J\\x1b]0;owned\\x07\\x9b31m'", "\x1b[2J\x1b]0;owned\x07\x9b31m"),
    _result("right-to-left", "result = '\\u202egnp.exe\\u2066\\u2028\\ufeff'", "\u202egnp.exe\u2066\u2028\ufeff"),
    _result(
        "queries-and-markup",
        'result = "\'); DROP TABLE runs; -- <script>alert(1)</script> ${jndi:ldap://x} {{7*7}} %s %n"',
        "'); DROP TABLE runs; -- <script>alert(1)</script> ${jndi:ldap://x} {{7*7}} %s %n",
    ),
    _result("prototype", "result = {'__proto__': {'admin': True}}", {"__proto__": {"admin": True}}),
    _result("a-megabyte", "result = 'x' * (1 << 20)", None, truncated=("result",)),
    _result("one-byte-too-large", "result = 'x' * (32768 - 1)", None, truncated=("result",)),
    _result("just-small-enough", "result = 'x' * (32768 - 2)", "x" * 32766),
    _result("wide-characters-count-as-bytes", "result = '\\U0001f4a3' * 9000", None, truncated=("result",)),
    _result(
        "too-deep",
        "result = None\nfor _ in range(65): result = [result]",
        None,
        truncated=("result",),
    ),
    _result(
        "deeper-than-any-recursion",
        "import sys\nsys.setrecursionlimit(10 ** 6)\nresult = None\nfor _ in range(400): result = {'a': result}",
        None,
        truncated=("result",),
    ),
    _frame("constants-by-hand", "b'[NaN, Infinity]'"),
    _frame("float-beyond-range", "b'[1e999]'"),
    _frame("huge-whole-number", "b'9' * 30_000"),
    _frame("duplicate-keys", 'b\'{"a": 1, "a": 2}\'', {"a": 2}),
    _frame("brackets-only", "b'[' * 30_000", truncated=("result",)),
    _frame("brackets-in-a-string", "b'\"' + b'[' * 1000 + b'\"'", "[" * 1000),
    _frame("quotes-without-end", "b'\"' + b'\\\\' * 999"),
    _frame("not-utf8", "b'\"\\xff\\xc0\\x80\\xed\\xa0\\x80\"'"),
    _frame("surrogates-by-escapes", "b'\"\\\\ud800\\\\u0000\"'", "\ufffd\ufffd"),
    _frame("surrogates-as-bytes", "b'\"\\xed\\xa0\\x80\"'", "\ufffd"),
    _frame("byte-order-mark", "b'\\xef\\xbb\\xbf1'"),
    _frame("utf16", "'{}'.encode('utf-16')"),
    _frame("two-documents", "b'1 2'"),
    _frame("nothing-but-space", "b' ' * 100"),
    _frame("empty", "b''"),
    _frame("pickle", "__import__('pickle').dumps(print)"),
    Attack(
        name="output-of-every-byte",
        threats=("T9", "T11"),
        code="import os\nos.write(1, bytes(range(256)) * 3)\nos.write(2, b'\\xf0\\x9f\\x92' + b'\\xed\\xa0\\x80' + b'\\0')",
        ends=End(
            result=None,
            stdout=(bytes(range(256)) * 3).decode("utf-8", "replace").replace("\0", "\ufffd"),
            stderr="\ufffd" * 5,
        ),
    ),
    Attack(
        name="output-cut-within-a-character",
        threats=("T9", "T11"),
        limits={"output_bytes": 1001},
        code="import os\nos.write(1, '\\U0001f4a3'.encode() * 400)",
        ends=End(status="output_limit", result=None, stdout="\U0001f4a3" * 250, truncated=("stdout",)),
    ),
    Attack(
        name="traceback-forged",
        threats=("T9", "T11"),
        code="raise type('Error\\n\\x1b[31mSystemExit', (Exception,), {})('a\\nb\\0c\\ud800')",
        ends=End(
            status="failed",
            exit_code=1,
            result=None,
            stderr=re.compile(r"Traceback \(most recent call last\):\n[^\0\ud800]*"),
        ),
    ),
    Attack(
        name="source-with-strange-characters",
        threats=("T11", "T12"),
        code="# -*- coding: rot13 -*-\n# \u202e\u2066\nprint('\u202e', len('\ufeff'), __file__)",
        ends=End(result=None, stdout="\u202e 1 <automation>\n"),
    ),
    Attack(
        name="source-that-is-none",
        threats=("T11",),
        code="\0",
        ends=End(
            status="failed", exit_code=1, result=None, stderr=re.compile(r"[\s\S]*(Syntax|Value)Error: .*null bytes\n")
        ),
    ),
)
