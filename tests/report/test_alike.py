"""What holds for several resources or stacks is told once, with the names of all of them."""

import re
from dataclasses import replace

from tests.support.example_diffs import BASE, HEAD, resource_change, urn_of
from workbench.diff.model import (
    Action,
    CodeChange,
    CostChange,
    CostLine,
    Diff,
    Forces,
    ItemName,
    PropertyChange,
    ResourceChange,
    Risk,
    RiskKind,
    StackDiff,
    Status,
)
from workbench.report.markdown import markdown
from workbench.report.page import page
from workbench.report.text import text

_ALIAS = "aws:lambda/alias:Alias"
_FUNCTION = "aws:lambda/function:Function"
_LAYER = "aws:lambda/layerVersion:LayerVersion"
_LOGS = "aws:cloudwatch/logGroup:LogGroup"
_MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
_QUEUE = "aws:sqs/queue:Queue"
_POLICY = "aws:iam/rolePolicy:RolePolicy"


def _deployed(*functions: str, file: str = "service/main.py") -> list[ResourceChange]:
    """Functions with other code, and their aliases, which point at versions of their own."""
    versions = {name: f"${{{_FUNCTION}::{name}.version}}" for name in functions}
    aliases = [
        resource_change(
            Action.UPDATE,
            _ALIAS,
            f"{name}-live",
            component=[name],
            properties=[PropertyChange(("functionVersion",), version, version)],
        )
        for name, version in versions.items()
    ]
    code = [CodeChange(("code",), changed=[file])]
    return [
        *aliases,
        *(resource_change(Action.UPDATE, _FUNCTION, name, component=[name], code=code) for name in functions),
    ]


def _stack(
    name: str, changes: list[ResourceChange], risks: list[Risk] | None = None, cost: CostChange | None = None
) -> StackDiff:
    return StackDiff(name, Status.CHANGED, changes, risks=risks or [], cost=cost)


def _text(*stacks: StackDiff, verbose: bool = False) -> list[str]:
    return text(Diff(BASE, HEAD, stacks), width=200, colour=False, verbose=verbose).splitlines()


def _fence(*stacks: StackDiff) -> list[str]:
    found = re.findall(r"<summary>(.*)</summary>\n\n```diff\n([^`]*)```", markdown(Diff(BASE, HEAD, stacks)))
    return [line for summary, lines in found for line in (summary, *lines.splitlines())]


def test_functions_of_the_same_code_are_one_change() -> None:
    assert _text(_stack("dev", _deployed("api", "migrate", "worker")))[3:] == [
        "",
        "Changes in dev",
        f"  ~ update {_ALIAS} api-live, migrate-live and worker-live",
        "      ~ functionVersion: another one, known once it is deployed",
        f"  ~ update {_FUNCTION} api, migrate and worker",
        "      ~ code: 1 file changed",
        "        ~ service/main.py",
    ]


def test_a_function_of_other_code_is_a_change_of_its_own() -> None:
    changes = [*_deployed("api", "worker")[2:], *_deployed("shell", file="service/cli.py")[1:]]
    assert _text(_stack("dev", changes))[5:] == [
        f"  ~ update {_FUNCTION} api and worker",
        "      ~ code: 1 file changed",
        "        ~ service/main.py",
        f"  ~ update {_FUNCTION} shell",
        "      ~ code: 1 file changed",
        "        ~ service/cli.py",
    ]


def test_verbose_tells_each_version_by_its_function() -> None:
    lines = _text(_stack("dev", _deployed("api", "worker")), verbose=True)
    assert [line.strip() for line in lines if "functionVersion" in line] == [
        f'~ functionVersion: "${{{_FUNCTION}::{name}.version}}" (another one, known once it is deployed)'
        for name in ("api", "worker")
    ]


def test_stacks_that_change_alike_are_told_once() -> None:
    dev, prod = (_stack(name, _deployed("api", "worker")) for name in ("dev", "prod"))
    assert _text(dev, prod)[4:6] == ["", "Changes in dev and prod"]
    assert _fence(dev, prod) == [
        "<code>dev</code> and <code>prod</code>: 4 to update",
        f"! update {_ALIAS} api-live and worker-live",
        "!     functionVersion: another one, known once it is deployed",
        f"! update {_FUNCTION} api and worker",
        "!     code: 1 file changed",
        "!       service/main.py",
    ]
    other = _stack("prod", _deployed("api", "worker", file="service/cli.py"))
    assert [line for line in _text(dev, other) if line.startswith("Changes")] == [
        "Changes in dev and prod, none known to put data at risk or to open access.",
        "Changes in dev",
        "Changes in prod",
    ]


def test_no_line_tells_of_more_than_twelve() -> None:
    changes = _deployed(*(f"f{number:02}" for number in range(30)))[30:]
    assert [line.count("f") for line in _fence(_stack("dev", changes)) if "! update" in line] == [
        heading.count("f") for heading in (f"{_FUNCTION}{'f' * 12}", f"{_FUNCTION}{'f' * 12}", f"{_FUNCTION}{'f' * 6}")
    ]


def test_all_changes_of_a_line_that_is_left_out_are_counted() -> None:
    changes = _deployed(*(f"{'f' * 100}{number:02}" for number in range(24)))[24:]
    comment = markdown(Diff(BASE, HEAD, [_stack("dev", changes)]), 2_000)
    assert "# ... 12 more changes\n" in comment
    assert "**Not shown here:** 12 changes, 4 details." in comment


def test_each_change_of_the_page_is_there_within_those_it_is_like() -> None:
    document = page(Diff(BASE, HEAD, [_stack("dev", _deployed("api", "worker"))]))
    groups = document.split('<details class="change alike update">')[1:]
    assert [re.findall(r'<details class="change update" id="(.*?)">', group) for group in groups] == [
        ["stack0-change0", "stack0-change1"],
        ["stack0-change2", "stack0-change3"],
    ]
    assert [re.findall(r"<strong>(.*?)</strong>", group)[0] for group in groups] == [
        "api-live and worker-live",
        "api and worker",
    ]


def _kept_for_less(name: str) -> Risk:
    said = f"The log group {name} keeps less."
    return Risk(RiskKind.DATA_LOSS, "retention-cut", urn_of(_LOGS, name), _LOGS, name, said, "Leave it.")


def test_risks_that_say_the_same_are_told_once_and_all_counted() -> None:
    stack = _stack("prod", [], [_kept_for_less(name) for name in ("api-logs", "flow-logs", "worker-logs")])
    lines = _text(stack)
    assert lines[0] == "DATA AT RISK: 3, in prod."
    assert lines[4:9] == [
        " DATA AT RISK",
        "  ! The log group api-logs keeps less.",
        "    The same of 2 more: flow-logs, worker-logs.",
        f"    prod: retention-cut, {_LOGS}",
        "    What to do about these 3: Leave it.",
    ]
    assert (
        "> - **The log group api-logs keeps less.** The same of 2 more: flow-logs, worker-logs. "
        f"`prod`: `retention-cut` `{_LOGS}`\n"
    ) in markdown(Diff(BASE, HEAD, [stack]))
    document = page(Diff(BASE, HEAD, [stack]))
    assert "Data at risk: 3" in document
    assert '<p class="message">The same of 2 more: flow-logs, worker-logs.</p>' in document


def test_risks_with_other_advice_are_told_apart() -> None:
    risks = [replace(_kept_for_less(name), remedy=f"Keep {name}.") for name in ("api-logs", "worker-logs")]
    assert [line.strip() for line in _text(_stack("prod", [], risks)) if "What to do" in line] == [
        "What to do: Keep api-logs.",
        "What to do: Keep worker-logs.",
    ]


def _widened(stack: str, may: str) -> StackDiff:
    urn = urn_of(_POLICY, "worker", stack=stack)
    return _stack(stack, [], [Risk(RiskKind.ACCESS, "iam-widened", urn, _POLICY, "worker", may)])


def test_what_differs_by_the_name_of_the_stack_alone_is_told_once() -> None:
    both = [_widened(stack, f"worker may now sqs:PurgeQueue on plinth-{stack}-runs.") for stack in ("dev", "prod")]
    lines = _text(*both)
    assert lines[0] == "ACCESS OPENED: 1, in dev and prod."
    assert lines[6:8] == [
        "  ! worker may now sqs:PurgeQueue on plinth-dev-runs.",
        f"    dev, likewise prod: iam-widened, {_POLICY} worker",
    ]
    assert "`dev`, likewise `prod`: `iam-widened`" in markdown(Diff(BASE, HEAD, both))
    assert '<span class="chip">likewise prod</span>' in page(Diff(BASE, HEAD, both))


def test_what_reaches_into_another_stack_is_told_apart() -> None:
    both = [_widened(stack, "worker may now sqs:PurgeQueue on plinth-prod-runs.") for stack in ("dev", "prod")]
    assert _text(*both)[0] == "ACCESS OPENED: 2, in dev and prod."


def test_code_that_makes_a_resource_anew_says_why() -> None:
    code = [CodeChange(("code",), packages={"mangum": ("1", "2")}, forces=Forces.YES, source="the table")]
    layer = resource_change(Action.REPLACE, _LAYER, "dependencies", code=code)
    assert _text(_stack("dev", [layer]))[5:7] == [
        f"  ± replace {_LAYER} dependencies",
        "        because code cannot change in place (the table)",
    ]


def test_why_something_is_made_anew_is_told_once() -> None:
    source = f"its value comes from {_QUEUE} runs, which is replaced; the table"
    changed = [PropertyChange(("eventSourceArn",), "a", "a", Forces.YES, source)]
    mapping = resource_change(
        Action.REPLACE,
        _MAPPING,
        "from-runs",
        properties=changed,
        because_of=[urn_of(_QUEUE, "runs"), urn_of(_QUEUE, "other")],
    )
    assert [line.strip() for line in _text(_stack("dev", [mapping])) if "because" in line] == [
        f"because eventSourceArn cannot change in place ({source})",
        "because it holds the id of what is replaced: other",
    ]


def _costs(idle: float, load: float, *lines: CostLine) -> CostChange:
    return CostChange(lines, 60.81, 60.81 + idle, 71.62, 71.62 + load, "1 request", "Prices of x.", ["Taxes left out."])


def test_an_estimate_that_stays_is_one_line() -> None:
    stack = _stack("dev", _deployed("api"), cost=_costs(0.001, -0.004))
    lines = _text(stack)
    assert lines[2:6] == [
        "  dev: 2 to update",
        "",
        "The estimated cost stays as it is, in USD a month idle: dev 60.81.",
        "",
    ]
    comment = markdown(Diff(BASE, HEAD, [stack]))
    assert "\n\nThe estimated cost stays as it is, in USD a month idle: dev 60.81.\n\n" in comment
    document = page(Diff(BASE, HEAD, [stack]))
    assert "It stays as it is: 60.81 USD a month idle, 71.62 at the load assumed." in document
    assert [told for told in (*lines, comment, document) if "Taxes" in told] == []


def test_a_saving_that_takes_up_a_price_is_no_estimate_that_stays() -> None:
    lines = [
        CostLine("a", "more", 0, 10, 0, 10),
        CostLine("b", "less", 10, 0, 10, 0),
        CostLine("c", "dust", 0, 0, 0, 0.001),
    ]
    told = _text(_stack("dev", _deployed("api"), cost=_costs(0, 0, *lines)))
    assert told[4:9] == [
        "Cost: an estimate, no quotation",
        "  dev: 0.00 USD a month idle (60.81 -> 60.81), 0.00 at 1 request (71.62 -> 71.62)",
        "    a: +10.00 idle, +10.00 at that load: more",
        "    b: -10.00 idle, -10.00 at that load: less",
        "    ... 1 more line, each less than a cent",
    ]


def test_what_only_a_load_costs_is_said_so() -> None:
    assert (
        _text(_stack("dev", _deployed("api"), cost=_costs(0, 5)))[2]
        == "  dev: 2 to update, +5.00 USD a month under load"
    )


def test_a_new_stack_is_its_resources_without_their_properties() -> None:
    queues = [
        resource_change(Action.CREATE, _QUEUE, name, properties=[PropertyChange(("name",), after=name)])
        for name in ("runs", "runs-dead-letters")
    ]
    stack = replace(_stack("staging", queues), status=Status.ADDED)
    assert _text(stack)[3:] == [
        "",
        "Changes in staging",
        f"  + create {_QUEUE} runs and runs-dead-letters",
        "  --verbose shows all properties, IAM statements and rules.",
    ]
    assert _text(stack, verbose=True)[5:] == [
        f"  + create {_QUEUE} runs",
        '      + name: "runs"',
        f"  + create {_QUEUE} runs-dead-letters",
        '      + name: "runs-dead-letters"',
    ]


def _stage(keys: list[str], **values: tuple[object, object]) -> ResourceChange:
    properties = [
        PropertyChange(("routeSettings", ItemName(key), name), before, after)
        for key in keys
        for name, (before, after) in values.items()
    ]
    return resource_change(Action.UPDATE, "aws:apigatewayv2/stage:Stage", "live", properties=properties)


def test_what_changes_alike_in_many_elements_of_a_list_is_one_line() -> None:
    three = _stack("dev", [_stage(["GET /a", "GET /b", "GET /c"], burst=(40, 60), rate=(20, 30))])
    assert _text(three)[5:] == [
        "  ~ update aws:apigatewayv2/stage:Stage live",
        "      ~ routeSettings[GET /a and 2 more].burst: 40 -> 60",
        "      ~ routeSettings[GET /a and 2 more].rate: 20 -> 30",
    ]
    assert len(_text(three, verbose=True)[6:]) == 6


def test_a_few_and_those_of_other_values_are_told_one_by_one() -> None:
    two = _stage(["GET /a", "GET /b"], burst=(40, 60))
    third = _stage(["GET /c"], burst=(40, 61))
    both = replace(two, properties=[*third.properties, *two.properties])
    assert [line.strip() for line in _text(_stack("dev", [both]))[6:]] == [
        "~ routeSettings[GET /c].burst: 40 -> 61",
        "~ routeSettings[GET /a].burst: 40 -> 60",
        "~ routeSettings[GET /b].burst: 40 -> 60",
    ]
