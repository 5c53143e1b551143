"""IAM policy documents as plain data, and where among a stack's resources they are found."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from policies.model import Resource, Stack

ROLE = "aws:iam/role:Role"

_OF_IDENTITIES = {
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    "aws:iam/policy:Policy": "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
}
_OF_RESOURCES = {
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": "policy",
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": "accessPolicy",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "policyDocument",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:efs/fileSystemPolicy:FileSystemPolicy": "policy",
    "aws:kinesis/resourcePolicy:ResourcePolicy": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:s3/bucket:Bucket": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, with every "one or several" made several."""

    allows: bool
    actions: Sequence[str]
    resources: Sequence[str]
    principals: Sequence[tuple[str, str]]
    """Kind and name: `("Service", "lambda.amazonaws.com")`. `*` alone is `("AWS", "*")`."""

    conditions: Mapping[str, Mapping[str, Sequence[str]]]
    excepts: Sequence[str]
    """Which of NotAction, NotResource and NotPrincipal it has."""

    def demanded(self) -> list[tuple[str, Sequence[str]]]:
        """The keys for which a request must have a value that it says, in lower case, as IAM compares them."""
        return [
            (key.lower(), values)
            for operator, keys in self.conditions.items()
            if not re.search("not|null|ifexists|forallvalues", operator.lower())
            for key, values in keys.items()
            if not any(re.fullmatch("[*?]*", value) for value in values)
        ]


def given_to_identities(stack: Stack) -> Iterator[tuple[Resource, Statement]]:
    """What roles, users and groups may do."""
    for resource in stack.of_type(*_OF_IDENTITIES):
        yield from _each(resource, resource.value(_OF_IDENTITIES[resource.type]))
    for role in stack.of_type(ROLE):
        for inline in role.entries("inlinePolicies"):
            if isinstance(inline, Mapping):
                yield from _each(role, cast("Mapping[str, Any]", inline).get("policy"))


def given_by_resources(stack: Stack) -> Iterator[tuple[Resource, Statement]]:
    """Who may use queues, topics, buckets, secrets, keys and the like."""
    for resource in stack.of_type(*_OF_RESOURCES):
        yield from _each(resource, resource.value(_OF_RESOURCES[resource.type]))


def trust(stack: Stack) -> Iterator[tuple[Resource, Statement]]:
    """Who may take roles."""
    for role in stack.of_type(ROLE):
        yield from _each(role, role.value("assumeRolePolicy"))


def is_own(stack: Stack, principal: str) -> bool:
    """Whether it is an account of the stack's or the ARN of something in one, or may be one once it is known."""
    parts = principal.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[0] == "arn" else principal
    if is_placeholder(account):
        return True
    return re.fullmatch(r"\d{12}", account) is not None and (account in stack.accounts or not stack.accounts)


def statements(document: Any) -> list[Statement]:
    """The statements of a policy, given as JSON or as what JSON says. None of one that is unknown or no policy."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []
    if not isinstance(document, Mapping):
        return []
    entries = _several(cast("Mapping[str, Any]", document).get("Statement"))
    return [_statement(cast("Mapping[str, Any]", entry)) for entry in entries if isinstance(entry, Mapping)]


def _each(resource: Resource, document: Any) -> Iterator[tuple[Resource, Statement]]:
    return ((resource, statement) for statement in statements(document))


def _statement(entry: Mapping[str, Any]) -> Statement:
    conditions = cast("Mapping[str, Mapping[str, Any]]", entry.get("Condition") or {})
    return Statement(
        allows=entry.get("Effect") == "Allow",
        actions=_texts(entry.get("Action")),
        resources=[_constant(text) for text in _texts(entry.get("Resource"))],
        principals=_principals(entry.get("Principal")),
        conditions={
            operator: {key: [_constant(text) for text in _texts(values)] for key, values in keys.items()}
            for operator, keys in conditions.items()
        },
        excepts=[key for key in ("NotAction", "NotResource", "NotPrincipal") if key in entry],
    )


def _principals(principal: Any) -> list[tuple[str, str]]:
    if isinstance(principal, Mapping):
        kinds = cast("Mapping[str, Any]", principal)
        return [(kind, name) for kind, names in kinds.items() for name in _texts(names)]
    return [("AWS", name) for name in _texts(principal)]


def _constant(text: str) -> str:
    """The text with `*` for what each request fills in, `${aws:username}`: often it may say itself what that is."""
    return re.sub(r"\$\{(?!.*?::)[^{}]*\}", "*", text)


def is_placeholder(text: str) -> bool:
    """Whether a part of the text is known only after deployment (`${type::name.property}`, as a manifest has it)."""
    return re.search(r"\$\{[^{}]*::[^{}]*\}", text) is not None


def _texts(value: Any) -> list[str]:
    return [str(each) for each in _several(value)]


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return [*cast("Sequence[Any]", value)] if isinstance(value, (list, tuple)) else [value]
