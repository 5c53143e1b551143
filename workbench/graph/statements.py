"""What an IAM policy lets its holder do with other resources of the stack, in a word or two for an arrow."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from workbench.diff.snapshot import Entry
from workbench.diff.statements import Statement, UnreadableError, statements_of
from workbench.graph.boxes import KINDS

_VERBS: Final[Sequence[tuple[str, str]]] = (
    (r"lambda:InvokeFunction", "invokes"),
    (r"states:StartExecution|ecs:RunTask|lambda:RunMicrovm|codebuild:StartBuild", "starts"),
    (r"lambda:CreateFunction", "clones"),
    (r"sqs:SendMessage|events:PutEvents|kinesis:PutRecords?|firehose:PutRecord|ses:Send\w*", "sends"),
    (r"sqs:ReceiveMessage|kinesis:GetRecords", "receives"),
    (r"sns:Publish", "publishes"),
    (r"secretsmanager:GetSecretValue|ssm:GetParameters?|s3:GetObject|dynamodb:(?:Get\w*|Query|Scan)", "reads"),
    (r"secretsmanager:(?:PutSecretValue|UpdateSecret)|ssm:PutParameter|s3:PutObject", "writes"),
    (r"dynamodb:(?:Put\w*|Update\w*|BatchWrite\w*)", "writes"),
    (r"(?:lambda|s3|dynamodb|sqs):Delete(?:Function|Object|Item|Queue)", "deletes"),
    (r"lambda:TerminateMicrovm", "ends"),
    (r"(?:rds-db|dsql|elasticache):[Cc]onnect|dsql:DbConnect\w*", "connects"),
    (r"kms:(?:Decrypt|GenerateDataKey\w*)", "decrypts"),
    (r"kms:Sign", "signs"),
    (r"\*|[\w-]+:\*", "may do all"),
)
"""What actions are called, the most telling first. Those that only look, such as `Describe`, are not here."""

_MODULES: Final[Mapping[str, Sequence[str]]] = {
    "dynamodb": ("dynamodb",),
    "elasticache": ("elasticache",),
    "events": ("cloudwatch",),
    "kinesis": ("kinesis",),
    "kms": ("kms",),
    "lambda": ("lambda", "lambdamicrovms"),
    "rds-db": ("rds",),
    "s3": ("s3",),
    "secretsmanager": ("secretsmanager",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "ssm": ("ssm",),
    "states": ("sfn",),
}
"""The SDK's modules for the services that an ARN names."""

_NAMES: Final = ("name", "functionName", "bucket", "clusterIdentifier", "identifier")


class Reach:
    """What policies reach among the resources of a stack."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._kin: dict[str, list[tuple[str, str]]] = {}
        self._tokens: dict[str, str] = {}
        for entry in entries:
            if entry.type in KINDS:
                module = entry.type.split(":")[1].partition("/")[0]
                self._kin.setdefault(module, []).extend((name, entry.urn) for name in _named(entry))
                self._tokens[f"${{{entry.type}::{entry.name}"] = entry.urn

    def verbs(self, document: str, near: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
        """The URN of each resource that a policy's document names, with what may be done to it.

        `near` are the resources the document was made of: of two with a name that fits, one of them is meant.
        """
        for statement in _allowing(document):
            actions = statement.actions.patterns
            verbs = [verb for pattern, verb in _VERBS if any(re.fullmatch(pattern, action) for action in actions)]
            if verbs:
                for arn in statement.resources.patterns:
                    for urn in self._anything(actions) if arn == "*" else self._meant(arn, near):
                        yield urn, verbs

    def _anything(self, actions: Sequence[str]) -> Sequence[str]:
        """All that actions on any resource reach: what there is of their services."""
        services = sorted({action.partition(":")[0] for action in actions})
        return [urn for service in services for _, urn in self._of(service)]

    def _meant(self, arn: str, near: Sequence[str]) -> Sequence[str]:
        """The resource that an ARN, or a pattern of one, names."""
        parts = arn.split(":", 5)
        if arn.startswith("$") or len(parts) < 6:
            found = self._tokens.get(arn.rpartition(".")[0])
            return [found] if found else []
        fits = [(urn in near, len(name), urn) for name, urn in self._of(parts[2]) if _names(parts[5], name)]
        return [max(fits)[2]] if fits else []

    def _of(self, service: str) -> Sequence[tuple[str, str]]:
        return [each for module in _MODULES.get(service, ()) for each in self._kin.get(module, ())]


def _allowing(document: str) -> Sequence[Statement]:
    """The statements that allow something, and say what and where by naming it."""
    try:
        found = statements_of(document)
    except UnreadableError:
        return []
    return [each for each in found if each.allows and not each.actions.excepted and not each.resources.excepted]


def _named(entry: Entry) -> Sequence[str]:
    given = [entry.inputs.get(key) for key in _NAMES]
    return [each for each in given if isinstance(each, str) and each] or [entry.name]


def _names(resource: str, name: str) -> bool:
    """Whether `function:worker`, `function:worker:live`, `secret:worker-AbC`, `bucket/*` or `worker-*` has the name."""
    start = resource.find(name)
    while start >= 0:
        after = resource[start + len(name) : start + len(name) + 1]
        if (start == 0 or resource[start - 1] in ":/") and not (after.isalnum() or after == "_"):
            return True
        start = resource.find(name, start + 1)
    return False
