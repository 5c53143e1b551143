"""Made-up differences, as whole as real ones, that every format has to render."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.diff.model import (
    ABSENT,
    Action,
    CodeChange,
    CostChange,
    CostLine,
    Diff,
    Forces,
    PropertyChange,
    ResourceChange,
    Revision,
    Risk,
    RiskKind,
    RuleChange,
    StackDiff,
    StatementChange,
    Status,
)
from workbench.diff.snapshot import Code, Entry, Hidden, Snapshot

BASE = Revision("origin/main", "4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d")
HEAD = Revision("the working tree", None)

HOSTILE_TEXTS: Sequence[str] = (
    "```\n</details>\n# a heading\n",
    "~~~~~~\n````````\n",
    "<script>alert('x')</script>",
    "<img src=x onerror=alert(1)>",
    "![picture](https://tracker.example/p.png)",
    "[a link](https://evil.example) https://evil.example www.evil.example",
    "@everyone see #123 and owner/repo#7 and deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "one | two | three",
    "\\| \\` \\\\",
    "<!-- plinth-diff -->",
    "--> <!--",
    "& &lt;b&gt; &#64;someone",
    "a\x1b[2Jb\x1b]8;;https://evil.example\x07c\x00d\re\nf\tg\x7fh\x9bi",
    "invoice\u202egpj.exe \u2066isolated\u2069 zero\u200bwidth \ufeff \u2028line",
    "\U0001f4a5 \U0001f469\u200d\U0001f4bb caf\u00e9 \u65e5\u672c\u8a9e",
    "lone \ud800 surrogate",
    "**bold** _italic_ ~struck~ $x^2$ :tada:",
    "'\"; DROP TABLE users; --",
    "{{ template }} {% raw %} ${injected}",
    "-" * 40 + "\n+++ b/file\n@@ -1 +1 @@",
    "",
    " ",
)
"""What a name or a value may hold to break out of the place where it is shown."""

EXAMPLE_STACK = "prod"
_PROJECT = "plinth"

_FUNCTION = "aws:lambda/function:Function"
_CLUSTER = "aws:rds/cluster:Cluster"
_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
_QUEUE = "aws:sqs/queue:Queue"
_ROLE = "aws:iam/role:Role"
_ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_BUCKET = "aws:s3/bucket:Bucket"
_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def urn_of(type_: str, name: str, *parents: str, stack: str = EXAMPLE_STACK) -> str:
    """The URN of a resource in an example's stack, in components of these types."""
    return f"urn:pulumi:{stack}::{_PROJECT}::{'$'.join([*parents, type_])}::{name}"


def resource_change(action: Action, type_: str, name: str, *parents: str, **rest: Any) -> ResourceChange:
    """A change of a resource in an example's stack."""
    return ResourceChange(action=action, urn=urn_of(type_, name, *parents), type=type_, name=name, **rest)


def unchanged() -> Diff:
    """Two stacks that are what they were."""
    return Diff(BASE, HEAD, [StackDiff("dev", Status.UNCHANGED), StackDiff("prod", Status.UNCHANGED)])


def nothing_compared() -> Diff:
    """A comparison of no stack at all."""
    return Diff(BASE, HEAD, [])


def harmless() -> Diff:
    """One property of one resource of one stack."""
    change = resource_change(
        Action.UPDATE,
        _QUEUE,
        "runs",
        "plinth:index:WorkQueue",
        component=["runs"],
        properties=[PropertyChange(("visibilityTimeoutSeconds",), 180, 240)],
    )
    return Diff(BASE, HEAD, [StackDiff("dev", Status.CHANGED, [change]), StackDiff("prod", Status.UNCHANGED)])


def eventful() -> Diff:
    """A change to production with something of everything: what it does to data and access first of all."""
    return Diff(
        BASE,
        HEAD,
        [_dev(), _prod()],
        notes=["The base was evaluated with the packages of this checkout: its lock files are the same."],
    )


def stacks_come_and_go() -> Diff:
    """One stack is new, another is gone from the checkout."""
    created = resource_change(Action.CREATE, _QUEUE, "runs", properties=[PropertyChange(("name",), after="runs")])
    deleted = resource_change(Action.DELETE, _BUCKET, "exports", properties=[PropertyChange(("bucket",), "exports")])
    gone = Risk(
        RiskKind.DATA_LOSS,
        "deleted",
        deleted.urn,
        deleted.type,
        deleted.name,
        "The bucket exports would be deleted, with all that is in it.",
    )
    return Diff(
        BASE,
        Revision("feature/regions", "0123456789abcdef0123456789abcdef01234567"),
        [
            StackDiff("europe", Status.ADDED, [created], head=_snapshot("europe", [_entry(_QUEUE, "runs")])),
            StackDiff("legacy", Status.REMOVED, [deleted], risks=[gone]),
        ],
    )


def hostile() -> Diff:
    """Every text of `HOSTILE_TEXTS` in every place where a text can stand."""
    return Diff(
        Revision("feature/`<b>|@all", "4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d"),
        Revision("a\x1b[31mred\nbranch", None),
        [hostile_stack("prod", HOSTILE_TEXTS)],
        notes=list(HOSTILE_TEXTS),
    )


def hostile_stack(stack: str, texts: Sequence[str]) -> StackDiff:
    """A stack in which each of `texts` stands in every place where a text can."""
    changes = [
        replace(
            resource_change(
                action,
                f"{_QUEUE}{text}",
                text,
                component=[text],
                properties=[
                    PropertyChange((text, 0, "key"), text, text + "x", Forces.MAY, text),
                    PropertyChange(("policy", "Statement", text), after={text: [text]}),
                    PropertyChange(("tags",), {text: text}),
                ],
                code=[CodeChange(("code", text), [text], [text + "c"], [text + "r"], {text: (text, None)})],
                options=[PropertyChange(("protect",), True, False)],
            ),
            urn=text + action,
            former_urn=text if action is Action.RENAME else None,
            because_of=[text],
        )
        for text in texts
        for action in (Action.DELETE, Action.REPLACE, Action.RENAME, Action.UPDATE, Action.CREATE)
    ]
    return StackDiff(
        stack,
        Status.CHANGED,
        in_order(changes),
        outputs=[PropertyChange((text,), text, text + "y") for text in texts],
        risks=[
            Risk(kind, "deleted", text, text, text, f"{text} would be deleted.", f"Keep {text}.")
            for kind in RiskKind
            for text in texts
        ],
        statements=[StatementChange(True, text, text, text, [text], [text], [text], [text]) for text in texts],
        rules=[RuleChange(False, text, text, text, text, text, text) for text in texts],
        cost=_hostile_cost(texts) if texts else None,
        hints=list(texts),
    )


def _hostile_cost(texts: Sequence[str]) -> CostChange:
    lines = [CostLine(text, text, 0, 1.5, 0, 2.5) for text in texts]
    return CostChange(lines, 0, 1.5, 0, 2.5, load=texts[0], prices=texts[-1], notes=texts)


def in_order(changes: Sequence[ResourceChange]) -> list[ResourceChange]:
    """Changes in the order of a diff: what deletes, what replaces, then the rest, each by URN."""
    order = {Action.DELETE: 0, Action.REPLACE: 1}
    return sorted(changes, key=lambda each: (order.get(each.action, 2), each.urn))


def huge(changes: int = 10_000) -> Diff:
    """So many changes, one in ten a deletion that loses data, one in ten a replacement; some values are long."""
    made: list[ResourceChange] = []
    risks: list[Risk] = []
    for number in range(changes):
        action = (Action.DELETE, Action.REPLACE, *[Action.UPDATE] * 4, *[Action.CREATE] * 4)[number % 10]
        before, after = ("old-" * 300, "new-" * 300) if number % 7 == 0 else (number, number + 1)
        change = resource_change(
            action,
            _QUEUE,
            f"queue-{number:05}",
            properties=[
                PropertyChange(
                    ("messageRetentionSeconds",),
                    ABSENT if action is Action.CREATE else before,
                    ABSENT if action is Action.DELETE else after,
                    Forces.YES if action is Action.REPLACE else Forces.NO,
                )
            ],
        )
        made.append(change)
        if action is Action.DELETE:
            message = f"The queue {change.name} would be deleted, with the messages in it."
            risks.append(Risk(RiskKind.DATA_LOSS, "deleted", change.urn, change.type, change.name, message))
    return Diff(BASE, HEAD, [StackDiff("prod", Status.CHANGED, in_order(made), risks=risks)])


def megabyte() -> Diff:
    """One property whose value is a million characters, emoji among them."""
    change = resource_change(
        Action.UPDATE,
        _FUNCTION,
        "api",
        properties=[PropertyChange(("description",), "\U0001f4a5" * 1_000_000, "x" * 1_000_000)],
    )
    return Diff(BASE, HEAD, [StackDiff("prod", Status.CHANGED, [change])])


def examples() -> dict[str, Diff]:
    """All of them by name."""
    return {
        "unchanged": unchanged(),
        "nothing_compared": nothing_compared(),
        "harmless": harmless(),
        "eventful": eventful(),
        "stacks_come_and_go": stacks_come_and_go(),
        "hostile": hostile(),
        "huge": huge(2_000),
        "megabyte": megabyte(),
    }


def _dev() -> StackDiff:
    change = resource_change(
        Action.UPDATE,
        _FUNCTION,
        "api",
        "plinth:index:PythonFunction",
        component=["api"],
        properties=[PropertyChange(("environment", "variables", "LOG_LEVEL"), "INFO", "DEBUG")],
        code=[CodeChange(("code",), changed=["service/items/router.py"])],
    )
    return StackDiff("dev", Status.CHANGED, [change])


def _prod() -> StackDiff:
    database = urn_of(_CLUSTER, "database", "plinth:index:Database")
    changes = [
        resource_change(
            Action.DELETE,
            _QUEUE,
            "runs-dead-letters",
            "plinth:index:WorkQueue",
            component=["runs"],
            properties=[
                PropertyChange(("messageRetentionSeconds",), 1_209_600),
                PropertyChange(("name",), "runs-dead-letters"),
                PropertyChange(("sqsManagedSseEnabled",), True),
                PropertyChange(("tags",), {"stack": "prod"}),
            ],
        ),
        resource_change(
            Action.REPLACE,
            _CLUSTER,
            "database",
            "plinth:index:Database",
            component=["database"],
            properties=[
                PropertyChange(("backupRetentionPeriod",), 14, 1),
                PropertyChange(
                    ("engineMode",), "provisioned", "serverless", Forces.YES, "the SDK's documentation of Cluster"
                ),
                PropertyChange(("masterPassword",), Hidden("one"), Hidden("two")),
            ],
            options=[PropertyChange(("protect",), True, False)],
            protected=True,
        ),
        resource_change(
            Action.REPLACE,
            _INSTANCE,
            "database-0",
            "plinth:index:Database",
            component=["database"],
            certain=False,
            properties=[
                PropertyChange(
                    ("clusterIdentifier",),
                    "${aws:rds/cluster:Cluster::database.id}",
                    "${aws:rds/cluster:Cluster::database.id}",
                    Forces.MAY,
                    "neither the table nor the SDK says",
                )
            ],
            because_of=[database],
            retained=True,
        ),
        resource_change(
            Action.CREATE,
            _ALARM,
            "api-throttles",
            "plinth:index:Observability",
            component=["observability"],
            properties=[
                PropertyChange(("alarmDescription",), after="The API refuses requests."),
                PropertyChange(("comparisonOperator",), after="GreaterThanThreshold"),
                PropertyChange(("evaluationPeriods",), after=5),
                PropertyChange(("metricName",), after="Throttles"),
                PropertyChange(("name",), after="api-throttles"),
                PropertyChange(("namespace",), after="AWS/Lambda"),
                PropertyChange(("threshold",), after=0),
            ],
        ),
        resource_change(
            Action.UPDATE,
            _ROLE_POLICY,
            "worker",
            "plinth:index:PythonFunction",
            component=["worker"],
            properties=[
                PropertyChange(("policy", "Statement", "Runs", "Action"), after="sqs:*"),
                PropertyChange(("policy", "Statement", "Runs", "Action"), "sqs:SendMessage"),
                PropertyChange(
                    ("policy", "Statement", "Runs", "Resource"), "arn:aws:sqs:eu-central-1:123456789012:runs", "*"
                ),
            ],
        ),
        resource_change(
            Action.UPDATE,
            _FUNCTION,
            "api",
            "plinth:index:PythonFunction",
            component=["api"],
            properties=[
                PropertyChange(("environment", "variables", "LOG_LEVEL"), after="DEBUG"),
                PropertyChange(("environment", "variables", "SIGNING_KEY"), Hidden("three"), Hidden("four")),
                PropertyChange(("memorySize",), 512, 1024),
            ],
            code=[
                CodeChange(
                    ("code",),
                    added=["service/items/export.py"],
                    changed=["service/items/router.py", "service/main.py"],
                    removed=["service/items/legacy.py"],
                    packages={"fastapi": ("0.115.0", "0.116.1"), "orjson": (None, "3.11.0"), "ujson": ("5.10.0", None)},
                )
            ],
        ),
        resource_change(
            Action.RENAME,
            _ROLE,
            "worker-role",
            "plinth:index:PythonFunction",
            component=["worker"],
            former_urn=urn_of(_ROLE, "worker", "plinth:index:PythonFunction"),
        ),
        resource_change(
            Action.CREATE,
            _INGRESS,
            "database-from-anywhere",
            "plinth:index:Database",
            component=["database"],
            properties=[
                PropertyChange(("cidrIpv4",), after="0.0.0.0/0"),
                PropertyChange(("fromPort",), after=5432),
                PropertyChange(("ipProtocol",), after="tcp"),
                PropertyChange(("toPort",), after=5432),
            ],
        ),
        resource_change(
            Action.CREATE,
            "plinth:index:Exports",
            "exports",
            custom=False,
            properties=[PropertyChange(("days",), after=30)],
        ),
    ]
    return StackDiff(
        "prod",
        Status.CHANGED,
        in_order(changes),
        outputs=[
            PropertyChange(("database_endpoint",), "database.example", "${aws:rds/cluster:Cluster::database.endpoint}")
        ],
        risks=_risks(changes),
        statements=[
            StatementChange(
                True,
                changes[4].urn,
                "worker",
                "Allow",
                ["sqs:*"],
                ["*"],
                conditions=["StringEquals aws:RequestedRegion = eu-central-1"],
            ),
            StatementChange(
                False,
                changes[4].urn,
                "worker",
                "Allow",
                ["sqs:SendMessage"],
                ["arn:aws:sqs:eu-central-1:123456789012:runs"],
            ),
        ],
        rules=[RuleChange(True, changes[7].urn, "database", "in", "tcp", "5432", "0.0.0.0/0")],
        cost=CostChange(
            lines=[
                CostLine("database", "0.5 ACU x 730 h x 0.14 USD", 0, 51.1, 3.2, 66.4),
                CostLine("observability", "1 alarm x 0.10 USD", 0, 0.1, 0, 0.1),
                CostLine("runs", "1,000,000 requests x 0.40 USD per million", 0, 0, 0.4, 0),
            ],
            idle_before=88.4,
            idle_after=139.6,
            load_before=112.6,
            load_after=175.5,
            load="1,000,000 requests a month",
            prices="Prices of eu-central-1, as of 2026-11-01.",
            notes=["Data transfer is left out."],
        ),
        hints=["worker-role was worker: keep the alias until every stack is deployed."],
        base=_snapshot("prod", _entries()),
        head=_snapshot("prod", [each for each in _entries() if each.name != "runs-dead-letters"] + _new_entries()),
    )


def _risks(changes: Sequence[ResourceChange]) -> list[Risk]:
    queue, database, _, _, policy, _, _, ingress, _ = changes
    return [
        Risk(
            RiskKind.DATA_LOSS,
            "replaced",
            database.urn,
            database.type,
            database.name,
            "The database cluster database would be deleted and made anew, with nothing in it.",
            "Restore its last snapshot into the new cluster, or leave engineMode as it is.",
        ),
        Risk(
            RiskKind.DATA_LOSS,
            "deleted",
            queue.urn,
            queue.type,
            queue.name,
            "The queue runs-dead-letters would be deleted, with the messages in it.",
            "Keep it until it is empty.",
        ),
        Risk(
            RiskKind.DATA_LOSS,
            "protection-removed",
            database.urn,
            database.type,
            database.name,
            "Pulumi would no longer refuse to delete database.",
        ),
        Risk(
            RiskKind.ACCESS,
            "iam-widened",
            policy.urn,
            policy.type,
            policy.name,
            "worker may sqs:* on everything.",
            "Name the actions and the queue.",
        ),
        Risk(
            RiskKind.ACCESS,
            "open-to-the-world",
            ingress.urn,
            ingress.type,
            ingress.name,
            "Anybody on the internet could reach database at port 5432.",
            "Name the security group that needs it.",
        ),
    ]


def _snapshot(stack: str, entries: Sequence[Entry]) -> Snapshot:
    return Snapshot(
        _PROJECT, stack, "eu-central-1", sorted(entries, key=lambda each: each.urn), {"api_url": "https://api.example"}
    )


def _entry(type_: str, name: str, *parents: str, parent: str = "", custom: bool = True, **inputs: Any) -> Entry:
    above = parent or urn_of("pulumi:pulumi:Stack", f"{_PROJECT}-{EXAMPLE_STACK}")
    return Entry(urn_of(type_, name, *parents), type_, name, above, inputs, custom=custom)


def _component(type_: str, name: str, *children: tuple[str, str, dict[str, Any]]) -> list[Entry]:
    token = f"plinth:index:{type_}"
    above = _entry(token, name, custom=False)
    return [above, *(_entry(kind, child, token, parent=above.urn, **inputs) for kind, child, inputs in children)]


def _entries() -> list[Entry]:
    queue = urn_of(_QUEUE, "runs", "plinth:index:WorkQueue")
    mapping = _component(
        "PythonFunction",
        "worker",
        (_FUNCTION, "worker", {"code": Code("sha256:aa"), "memorySize": 512}),
        (_ROLE, "worker", {}),
        (_ROLE_POLICY, "worker", {"policy": "{}"}),
        (
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            "worker-runs",
            {"eventSourceArn": "arn:aws:sqs:eu-central-1:123456789012:runs"},
        ),
    )
    mapping[-1] = replace(mapping[-1], dependencies=[queue], property_dependencies={"eventSourceArn": [queue]})
    return [
        *_component(
            "Database",
            "database",
            (_CLUSTER, "database", {"engineMode": "provisioned", "masterPassword": Hidden("one")}),
            (_INSTANCE, "database-0", {}),
            (_GROUP, "database", {}),
        ),
        *_component("PythonFunction", "api", (_FUNCTION, "api", {"code": Code("sha256:bb"), "memorySize": 512})),
        *_component("WorkQueue", "runs", (_QUEUE, "runs", {}), (_QUEUE, "runs-dead-letters", {})),
        *mapping,
        *_component("Observability", "observability", (_ALARM, "api-errors", {})),
    ]


def _new_entries() -> list[Entry]:
    return [
        _entry(
            _ALARM,
            "api-throttles",
            "plinth:index:Observability",
            parent=urn_of("plinth:index:Observability", "observability"),
        ),
        _entry(
            _INGRESS,
            "database-from-anywhere",
            "plinth:index:Database",
            parent=urn_of("plinth:index:Database", "database"),
        ),
        *_component("Exports", "exports"),
    ]
