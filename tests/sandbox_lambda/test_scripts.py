"""Ordinary scripts and unlucky ones: what they print, leave and end with comes back exactly."""

import threading

import pytest

from sandbox_lambda.runner import Limits, Outcome, Truncated, run

pytestmark = pytest.mark.timeout(60)

NUL_AND_SURROGATE = r'"a\x00b\ud800c"'


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        pytest.param(
            'print("Sending another update notification")', "Sending another update notification\n", id="print"
        ),
        pytest.param("", "", id="empty"),
        pytest.param("import math\ndef f():\n    return math.tau\nprint(f())", "6.283185307179586\n", id="globals"),
        pytest.param('if __name__ == "__main__":\n    print("main")', "main\n", id="main"),
        pytest.param("print(event['item']['name'])", "Espresso machine\n", id="event"),
        pytest.param("print(sorted(n for n in globals() if not n.startswith('__')))", "['event']\n", id="one-global"),
        pytest.param("import sys\nprint(sys.argv, __file__)", "['<automation>'] <automation>\n", id="argv"),
        pytest.param("import sys\nprint(sys.stdin.read() == '')", "True\n", id="stdin-is-empty"),
        pytest.param("import os\nprint(os.listdir('.'))", "[]\n", id="empty-folder"),
        pytest.param("import os\nos.write(1, 'é'.encode())", "é", id="raw-write"),
        pytest.param("import subprocess\nsubprocess.run(['echo', 'from a child'])", "from a child\n", id="child"),
        pytest.param("print('é ✓ 漢')", "é ✓ 漢\n", id="unicode"),
        pytest.param("import os\nos.write(1, b'a\\0b\\xff')", "a\ufffdb\ufffd", id="unprintable"),
        pytest.param("import atexit\natexit.register(print, 'bye')\nprint('hello')", "hello\nbye\n", id="atexit"),
        pytest.param(
            "def f(x: int): pass\nprint(f.__annotations__)", "{'x': <class 'int'>}\n", id="no-future-inherited"
        ),
        pytest.param("import ssl, sqlite3, decimal, asyncio, json\nprint('ok')", "ok\n", id="standard-library"),
        pytest.param(
            "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)", "True\n", id="pickle"
        ),
        pytest.param(
            "from dataclasses import dataclass\nimport typing\n@dataclass\nclass P:\n    x: 'Q'\n"
            "class Q: pass\nprint(typing.get_type_hints(P)['x'] is Q)",
            "True\n",
            id="type-hints",
        ),
        pytest.param(
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1 + 1)'])", "2\n", id="interpreter"
        ),
        pytest.param(
            "import threading\nt = threading.Thread(target=print, args=('thread',))\nt.start()", "thread\n", id="thread"
        ),
        pytest.param(
            "try:\n    import boto3\nexcept ImportError as error:\n    print(error)",
            "No module named 'boto3'\n",
            id="no-site-packages",
        ),
        pytest.param(
            "try:\n    import sandbox_lambda\nexcept ImportError as error:\n    print(error)",
            "No module named 'sandbox_lambda'\n",
            id="no-runner",
        ),
    ],
)
def test_a_script_runs_as_the_main_module_of_an_interpreter(script: str, stdout: str) -> None:
    outcome = run(script, {"item": {"name": "Espresso machine"}})

    assert outcome == Outcome("succeeded", 0, None, stdout, "", None, outcome.duration_ms)


@pytest.mark.parametrize(
    ("script", "status", "exit_code", "stderr"),
    [
        ("import sys\nsys.exit()", "succeeded", 0, ""),
        ("import sys\nsys.exit(0)", "succeeded", 0, ""),
        ("import sys\nsys.exit(3)", "failed", 3, ""),
        ("import sys\nsys.exit('no beans')", "failed", 1, "no beans\n"),
        ("import sys\nsys.exit(256)", "succeeded", 0, ""),
        ("exit(4)", "failed", 4, ""),
        ("quit()", "succeeded", 0, ""),
        ("raise SystemExit(5)", "failed", 5, ""),
        ("import os\nos._exit(0)", "succeeded", 0, ""),
        ("import os\nos._exit(7)", "failed", 7, ""),
        ('import os\nprint(\'{"status": "succeeded"}\', flush=True)\nos._exit(1)', "failed", 1, ""),
    ],
)
def test_the_exit_code_is_the_interpreters_own(script: str, status: str, exit_code: int, stderr: str) -> None:
    outcome = run(script, {})

    assert (outcome.status, outcome.exit_code, outcome.signal, outcome.stderr) == (status, exit_code, None, stderr)


@pytest.mark.parametrize("number", [6, 9, 11, 15])
def test_a_script_that_ends_by_a_signal_has_failed(number: int) -> None:
    outcome = run(f"import os\nos.kill(os.getpid(), {number})", {})

    assert (outcome.status, outcome.exit_code, outcome.signal) == ("failed", None, number)


def test_a_traceback_begins_at_the_scripts_own_lines() -> None:
    outcome = run("def brew(beans):\n    raise ValueError(beans)\n\nbrew('none left')", {})

    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    lines = [line for line in outcome.stderr.splitlines() if set(line) - set(" ^~")]
    assert lines == [
        "Traceback (most recent call last):",
        '  File "<automation>", line 4, in <module>',
        "    brew('none left')",
        '  File "<automation>", line 2, in brew',
        "    raise ValueError(beans)",
        "ValueError: none left",
    ]


def test_a_syntax_error_shows_the_line_and_nothing_of_the_bootstrap() -> None:
    outcome = run("x = 1\ny = = 2\n", {})

    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.stderr == ('  File "<automation>", line 2\n    y = = 2\n        ^\nSyntaxError: invalid syntax\n')


def test_a_script_sees_its_own_lines_in_a_traceback_it_prints_itself() -> None:
    outcome = run("import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()", {})

    assert outcome.status == "succeeded"
    assert outcome.stderr.splitlines()[1:3] == ['  File "<automation>", line 3, in <module>', "    1 / 0"]


def test_a_script_may_report_its_exceptions_itself() -> None:
    outcome = run("import sys\nsys.excepthook = lambda *e: print(e[0].__name__, file=sys.stderr)\n1 / 0", {})

    assert (outcome.status, outcome.exit_code, outcome.stderr) == ("failed", 1, "ZeroDivisionError\n")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("event", {"a": [1, 2.5, None, True, "é"]}),
        ("None", None),
        ("'text'", "text"),
        ("{1: 'integer keys become text'}", {"1": "integer keys become text"}),
        ("10 ** 100", 10**100),
        (NUL_AND_SURROGATE, "a\ufffdb\ufffdc"),
        ("{" + NUL_AND_SURROGATE + ": 1}", {"a\ufffdb\ufffdc": 1}),
        ("'\\U0001f600'", "\U0001f600"),
        ("'x' * (32768 - 2)", "x" * (32768 - 2)),
    ],
)
def test_a_result_comes_back_as_json_values(expression: str, result: object) -> None:
    outcome = run(f"result = {expression}", {"a": [1, 2.5, None, True, "é"]})

    assert outcome == Outcome("succeeded", 0, None, "", "", result, outcome.duration_ms)


@pytest.mark.parametrize(
    "expression",
    ["'x' * (32768 - 1)", "list(range(10 ** 6))", "eval('[' * 65 + ']' * 65)"],
    ids=["byte", "much", "deep"],
)
def test_a_result_too_large_or_too_deep_is_dropped_and_marked(expression: str) -> None:
    outcome = run(f"result = {expression}", {})

    assert outcome == Outcome("succeeded", 0, None, "", "", None, outcome.duration_ms, Truncated(result=True))


def test_a_result_stays_when_the_script_chooses_its_exit_code() -> None:
    outcome = run("result = [1]\nexit(2)", {})

    assert (outcome.status, outcome.exit_code, outcome.result) == ("failed", 2, [1])


@pytest.mark.parametrize(
    ("expression", "kind", "reason"),
    [
        ("{1, 2}", "set", "Object of type set is not JSON serializable"),
        ("b'raw'", "bytes", "Object of type bytes is not JSON serializable"),
        ("float('nan')", "float", "Out of range float values are not JSON compliant"),
        ("type('Odd', (dict,), {'items': lambda self: exit(0), '__bool__': lambda self: True})(a=1)", "Odd", "0"),
    ],
)
def test_a_result_that_is_no_json_fails_the_run_and_names_its_type(expression: str, kind: str, reason: str) -> None:
    outcome = run(f"result = {expression}", {})

    assert (outcome.status, outcome.exit_code, outcome.result) == ("failed", 1, None)
    assert outcome.stderr.startswith(f"The global `result` ({kind}) cannot be returned: {reason}")


def test_a_result_that_cannot_be_sent_fails_the_run() -> None:
    outcome = run("import os\nos.closerange(3, 64)\nresult = 1", {})

    assert (outcome.status, outcome.exit_code, outcome.result) == ("failed", 1, None)
    assert outcome.stderr == "The global `result` (int) cannot be returned: [Errno 9] Bad file descriptor\n"


def test_large_code_and_events_arrive_whole() -> None:
    outcome = run(f"# {'x' * 300_000}\nresult = [len(event['text']), event['text'][-1]]", {"text": "y" * 400_000 + "z"})

    assert outcome.result == [400_001, "z"]


def test_an_event_that_is_no_plain_data_is_refused() -> None:
    with pytest.raises(ValueError, match="unmarshallable object"):
        run("pass", {"now": threading.Lock()})


def test_runs_at_once_do_not_interfere() -> None:
    outcomes: dict[int, Outcome] = {}
    together = threading.Barrier(4)

    def one(number: int) -> None:
        together.wait(10)
        outcomes[number] = run(
            "import time\ntime.sleep(event['n'] / 10)\nprint(event['n'])\nresult = event", {"n": number}
        )

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert {number: (o.status, o.stdout, o.result) for number, o in outcomes.items()} == {
        number: ("succeeded", f"{number}\n", {"n": number}) for number in range(4)
    }


def test_output_exactly_at_the_limit_is_kept_whole() -> None:
    outcome = run("print('x' * 999)", {}, Limits(output_bytes=1000))

    assert (outcome.status, outcome.stdout, outcome.truncated) == ("succeeded", "x" * 999 + "\n", Truncated())
