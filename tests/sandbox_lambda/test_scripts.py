"""Ordinary scripts and unlucky ones: what they print, leave and end with comes back exactly."""

import threading

import pytest

from sandbox_lambda.runner import Limits, Outcome, Truncated, run

pytestmark = pytest.mark.timeout(60)


def succeeded(like: Outcome, stdout: str = "", result: object = None, result_cut: bool = False) -> Outcome:
    """The outcome of a script that ended well, in all but what differs from run to run as `like`."""
    return Outcome(
        status="succeeded",
        exit_code=0,
        signal=None,
        reason=None,
        stdout=stdout,
        stderr="",
        result=result,
        duration_ms=like.duration_ms,
        truncated=Truncated(result=result_cut),
        protections=like.protections,
    )


NUL_AND_SURROGATE = r'"a\x00b\ud800c"'


@pytest.mark.usefixtures("either_way")
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
            "import asyncio\nasync def main():\n"
            "    child = await asyncio.create_subprocess_exec('echo', 'awaited', stdout=-1)\n"
            "    out, _ = await child.communicate()\n    await asyncio.to_thread(print, out.decode(), end='')\n"
            "asyncio.run(main())",
            "awaited\n",
            id="asyncio",
        ),
        pytest.param(
            "import multiprocessing\nours, theirs = multiprocessing.Pipe()\n"
            "process = multiprocessing.Process(target=theirs.send, args=([1],))\nprocess.start()\n"
            "print(ours.recv())\nprocess.join()\nprint(process.exitcode)",
            "[1]\n0\n",
            id="multiprocessing",
        ),
        pytest.param(
            "import sqlite3\nwith sqlite3.connect('data.db') as db:\n    db.execute('create table t (n)')\n"
            "    db.execute('insert into t values (7)')\n"
            "print(sqlite3.connect('data.db').execute('select n from t').fetchall())",
            "[(7,)]\n",
            id="sqlite",
        ),
        pytest.param(
            "import os, tempfile\nwith tempfile.NamedTemporaryFile('w+') as file:\n    file.write('abc')\n"
            "    file.truncate(2)\n    file.seek(0)\n    print(file.read())\n"
            "os.makedirs('a')\nopen('a/x', 'w').close()\nos.rename('a/x', 'y')\n"
            "print(os.listdir('a'), os.path.isfile('y'))",
            "ab\n[] True\n",
            id="files",
        ),
        pytest.param(
            "import subprocess\nopen('hello.sh', 'w').write('#!/bin/sh\\necho written here')\n"
            "subprocess.run(['chmod', '+x', 'hello.sh'])\nsubprocess.run('./hello.sh | cat 2>/dev/null', shell=True)",
            "written here\n",
            id="own-program",
        ),
        pytest.param(
            "import os, time, zoneinfo\nopen('/dev/null', 'w').write('x')\n"
            "print(len(open('/dev/urandom', 'rb').read(4)), 'MemTotal' in open('/proc/meminfo').read(),"
            " 'Pid' in open('/proc/self/status').read(), os.cpu_count() > 0)",
            "4 True True True\n",
            id="system",
        ),
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

    assert outcome == succeeded(outcome, stdout=stdout)


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


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        (
            "import traceback\ntry:\n    1 / 0  # own\nexcept ZeroDivisionError:\n    traceback.print_exc()",
            '  File "<automation>", line 3, in <module>\n    1 / 0  # own\n',
        ),
        (
            "import logging\ntry:\n    1 / 0  # own\nexcept ZeroDivisionError:\n    logging.exception('no')",
            '  File "<automation>", line 3, in <module>\n    1 / 0  # own\n',
        ),
        (
            "import warnings\nwarnings.warn('old')  # own",
            "<automation>:2: UserWarning: old\n  warnings.warn('old')  # own\n",
        ),
        (
            "import inspect, sys\ndef brew():\n    return 1\nprint(inspect.getsource(brew), file=sys.stderr)",
            "def brew():\n    return 1\n",
        ),
        (
            "import linecache, sys\nprint(linecache.getline('<automation>', 2), file=sys.stderr)",
            "print(linecache.getline",
        ),
        (
            "import importlib, linecache, traceback\nimportlib.reload(linecache)\ntraceback.print_stack()  # own",
            '  File "<automation>", line 3, in <module>\n    traceback.print_stack()  # own\n',
        ),
    ],
    ids=["print_exc", "logging", "warning", "getsource", "getline", "reload"],
)
def test_whoever_prints_where_a_script_is_shows_its_own_line(script: str, shown: str) -> None:
    assert shown in run(script, {}).stderr


def test_a_script_that_looks_at_its_callers_does_not_learn_where_the_runner_lies() -> None:
    outcome = run(
        "import sys\nframe = sys._getframe()\nwhile frame := frame.f_back: print(frame.f_code.co_filename)", {}
    )

    assert (outcome.status, outcome.stdout) == ("succeeded", "<sandbox>\n<sandbox>\n<sandbox>\n<string>\n")


def test_a_script_that_takes_the_import_system_apart_loses_only_its_lines() -> None:
    outcome = run("import sys\ndel sys.meta_path[0]\nimport linecache, traceback\ntraceback.print_stack()", {})

    assert outcome.status == "succeeded"
    assert '  File "<automation>", line 4, in <module>\n' in outcome.stderr


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

    assert outcome == succeeded(outcome, result=result)


@pytest.mark.parametrize(
    "expression",
    ["'x' * (32768 - 1)", "list(range(10 ** 6))", "eval('[' * 65 + ']' * 65)"],
    ids=["byte", "much", "deep"],
)
def test_a_result_too_large_or_too_deep_is_dropped_and_marked(expression: str) -> None:
    outcome = run(f"result = {expression}", {})

    assert outcome == succeeded(outcome, result_cut=True)


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
    outcome = run("import os\nos.closerange(3, 1024)\nresult = 1", {})

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


@pytest.mark.parametrize(
    ("script", "limits", "status", "reason"),
    [
        ("pass", Limits(), "succeeded", None),
        ("exit(3)", Limits(), "failed", "the script ended with exit code 3"),
        ("1 / 0", Limits(), "failed", "the script ended with exit code 1"),
        ("import os\nos.kill(os.getpid(), 9)", Limits(), "failed", "signal 9 (SIGKILL) ended the script"),
        ("import os\nos.kill(os.getpid(), 40)", Limits(), "failed", "signal 40 ended the script"),
        (
            "import time\ntime.sleep(60)",
            Limits(wall_seconds=1.0),
            "timed_out",
            "the script was still running after 1 s",
        ),
        (
            "import time\ntime.sleep(60)",
            Limits(wall_seconds=0.5214),
            "timed_out",
            "the script was still running after 0.5 s",
        ),
        ("while True: pass", Limits(cpu_seconds=1), "timed_out", "the script used up its 1 s of processor time"),
        (
            "print('x' * 70000)",
            Limits(),
            "output_limit",
            "the script wrote more than 65,536 bytes to stdout",
        ),
        (
            "import sys\nprint('x' * 2000, file=sys.stderr)",
            Limits(output_bytes=1000),
            "output_limit",
            "the script wrote more than 1,000 bytes to stderr",
        ),
        ("bytearray(1 << 30)", Limits(), "out_of_memory", "the script needed more than 256 MB of memory"),
    ],
)
def test_every_unhappy_end_has_its_reason(script: str, limits: Limits, status: str, reason: str | None) -> None:
    outcome = run(script, {}, limits)

    assert (outcome.status, outcome.reason) == (status, reason)
