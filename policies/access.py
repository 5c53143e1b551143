"""Rules about permissions: what roles may do, and who may take them."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from policies.documents import ROLE, Statement, given_by_resources, given_to_identities, is_own, is_placeholder, trust
from policies.model import Resource, Rule, Stack, Violation

UNSCOPED = {
    "cloudwatch:PutMetricData": "Metrics are no resources; the condition `cloudwatch:namespace` narrows it.",
    "ec2:Describe*": "EC2's lists take no resources.",
    "ecr:GetAuthorizationToken": "The token is the account's.",
    "kms:CreateKey": "There is no key yet.",
    "lambda:CreateEventSourceMapping": "There is no mapping yet.",
    "lambda:ListEventSourceMappings": "A list of all in the region.",
    "lambda:ListFunctions": "A list of all in the region.",
    "lambda:ListLayers": "A list of all in the region.",
    "lambda:ListMicrovms": "A list of all in the region.",
    "lambda:PassNetworkConnector": "RunMicrovm asks it of whoever names a connector.",
    "logs:*LogDeliver*": "Deliveries of logs, as of an API's access log, are no resources.",
    "logs:DescribeLogGroups": "A list of all in the region.",
    "logs:DescribeResourcePolicies": "A list of all in the region.",
    "logs:PutResourcePolicy": "A resource policy of CloudWatch Logs is the account's.",
    "rds:Describe*": "Lists of all in the region, and of what RDS offers.",
    "secretsmanager:GetRandomPassword": "It touches no secret.",
    "secretsmanager:ListSecrets": "A list of all in the region.",
    "sns:GetSubscriptionAttributes": "Subscriptions are no resources.",
    "sns:Unsubscribe": "Subscriptions are no resources.",
    "sqs:ListQueues": "A list of all in the region.",
    "sts:GetCallerIdentity": "Everybody may call it.",
    "tag:GetResources": "It looks through all resources of the region.",
    "xray:GetSampling*": "X-Ray's sampling rules are read as a whole.",
    "xray:PutTelemetryRecords": "X-Ray knows no resources to send traces to.",
    "xray:PutTraceSegments": "X-Ray knows no resources to send traces to.",
}
"""The actions that AWS lets nobody narrow to a resource: those without a resource type in the Service Authorization
Reference (docs.aws.amazon.com/service-authorization), and lists that are checked against all that there is. On `*` they
need a condition nevertheless."""

MANAGED = {
    "service-role/AWSLambdaENIManagementAccess": "What Lambda itself needs to join a VPC, and nothing else.",
    "service-role/AmazonRDSEnhancedMonitoringRole": "What RDS itself needs to write its metrics.",
}
"""The policies kept by AWS that a role may have. All others are wider than one use of one resource."""

UNNAMED = {
    "apigateway": ("apis", "domainnames", "tags"),
    "ec2": ("network-acl", "network-interface", "security-group"),
    "lambda": ("event-source-mapping",),
    "rds": ("target-group",),
    "route53": ("change",),
}
"""The resources that get ids from AWS and, where AWS makes them itself, no tags: a pattern has only their type to
begin with."""

NARROWING = ("aws:requesttag/", "aws:resourcetag/", "ec2:vpceservicename", "lambda:functionarn")
"""How the condition keys begin that say which resource is meant, whatever its name: its tags, those that a request
gives it, the service that an endpoint leads to, and the function that a mapping invokes."""

NAMED_BY_AWS = ("role/aws-service-role/", "secret:rds!cluster-")
"""How the names begin that AWS gives to what it makes for a stack."""

_HOLD_ALWAYS = ("aws:currenttime", "aws:epochtime", "aws:referer", "aws:securetransport", "aws:useragent")
"""Condition keys that bound nothing: they hold of whoever wants them to."""

_HANDED = {
    "lambda.amazonaws.com": ("aws:lambda/function:Function", "role"),
    "rds.amazonaws.com": ("aws:rds/proxy:Proxy", "roleArn"),
}
"""The services that say nothing of the account when they take the role that a resource runs as, with those resources.
Nobody else can make them take it: a role is handed over by `iam:PassRole`, within its own account only (IAM user guide,
"Grant a user permissions to pass a role to an AWS service")."""

_READS = ("BatchGet*", "Describe*", "Get*", "List*")
_SOURCES = ("aws:sourceaccount", "aws:sourcearn")
_NARROWS = (*_SOURCES, "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "kms:calleraccount")


def _no_wildcard_actions(stack: Stack) -> Iterator[Violation]:
    for resource, statement in given_to_identities(stack):
        if not statement.allows:
            continue
        for action in statement.actions:
            verb = action.partition(":")[2]
            service = action.partition(":")[0]
            reads = any(fnmatchcase(verb, each) for each in _READS) and not _is_pattern(service)
            if _is_pattern(action) and not reads:
                yield Violation(resource, f"allows the actions {action}")
    for resource, statement in (*given_to_identities(stack), *given_by_resources(stack), *trust(stack)):
        for excepted in statement.excepts if statement.allows else ():
            yield Violation(resource, f"allows all but some: {excepted}")


def _no_wildcard_resources(stack: Stack) -> Iterator[Violation]:
    for resource, statement in given_to_identities(stack):
        if statement.allows:
            for wide in statement.resources:
                if message := _too_wide(stack, statement, wide):
                    yield Violation(resource, message)


def _too_wide(stack: Stack, statement: Statement, resource: str) -> str | None:
    actions = ", ".join(statement.actions)
    narrowed = any(_says_which(stack, key, values) for key, values in statement.demanded())
    if resource == "*":
        wide = [each for each in statement.actions if not any(fnmatchcase(each, known) for known in UNSCOPED)]
        if wide and not narrowed:
            return f"allows {', '.join(wide)} on any resource"
        bounded = narrowed or any(_bounds(key, values) for key, values in statement.demanded())
        return None if bounded else f"allows {actions} on any resource without a condition"
    if not _is_pattern(resource):
        return None
    if any(_is_pattern(part) for part in resource.split(":", 5)[:5]):
        return f"allows {actions} on {resource}, in any service, region or account"
    if not narrowed and not _has_a_name(stack, resource):
        return f"allows {actions} on {resource}, whatever its name"
    return None


def _says_which(stack: Stack, key: str, values: Sequence[str]) -> bool:
    """Whether a condition that a request must meet tells the stack's resources from others."""
    if key == "lambda:functionarn":
        return all(not _is_pattern(value) or _has_a_name(stack, value) for value in values)
    if key == "ec2:vpceservicename":
        return all(re.match(r"com\.amazonaws\.[a-z0-9-]+\.", value) for value in values)
    return key.startswith(NARROWING) and not any(_is_pattern(value) for value in values)


def _bounds(key: str, values: Sequence[str]) -> bool:
    return key not in _HOLD_ALWAYS and not any(_is_pattern(value) for value in values)


def _has_a_name(stack: Stack, pattern: str) -> bool:
    """Whether whatever matches an ARN with wildcards has a name of the stack's, or one that only AWS gives."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return False
    service, last = parts[2], parts[5]
    known = re.split(r"[*?]", last, maxsplit=1)[0]
    type_only = re.fullmatch(r"/?([a-zA-Z-]+)[:/]", known)
    if type_only and type_only[1] in UNNAMED.get(service, ()):
        return True
    own = re.search(f"(^|[:/]){stack.project}[-/]{stack.name}[-/.]", last)
    return own is not None or known.startswith(NAMED_BY_AWS) or is_placeholder(known)


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _few_managed_policies(stack: Stack) -> Iterator[Violation]:
    attached = [
        (resource, resource.value("policyArn"))
        for resource in stack.of_type(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "aws:iam/policyAttachment:PolicyAttachment",
            "aws:iam/userPolicyAttachment:UserPolicyAttachment",
            "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
        )
    ]
    attached += [(role, arn) for role in stack.of_type(ROLE) for arn in role.entries("managedPolicyArns")]
    attached += [
        (exclusive, arn)
        for exclusive in stack.of_type("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive")
        for arn in exclusive.entries("policyArns")
    ]
    for resource, arn in attached:
        name = arn.partition(":iam::aws:policy/")[2] if isinstance(arn, str) else ""
        if name and name not in MANAGED:
            yield Violation(resource, f"attaches AWS's own policy {name}")
        elif not name and isinstance(arn, str) and not _is_seen(stack, resource, arn):
            yield Violation(resource, f"attaches {arn}, a policy that no rule sees")


def _is_seen(stack: Stack, resource: Resource, arn: str) -> bool:
    """Whether a policy is one of the stack's, as what it was made of tells, or its name."""
    made_of = [*stack.referred(resource, "policyArn"), *stack.referred(resource, "policyArns")]
    made_of += stack.referred(resource, "managedPolicyArns")
    own = [*stack.of_type("aws:iam/policy:Policy")]
    return any(each in own for each in made_of) or arn.rpartition("/")[2] in [each.value("name") for each in own]


def _known_callers(stack: Stack) -> Iterator[Violation]:
    for role, statement in trust(stack):
        yield from _callers(stack, role, statement)
    for resource, statement in given_by_resources(stack):
        yield from _callers(stack, resource, statement)


def _callers(stack: Stack, resource: Resource, statement: Statement) -> Iterator[Violation]:
    if not statement.allows:
        return
    demanded = statement.demanded()
    for kind, name in statement.principals:
        if name == "*":
            if resource.type == ROLE or not any(_is_of_the_account(stack, *each) for each in demanded):
                yield Violation(resource, "trusts any principal of any account")
        elif kind == "Service":
            bound = any(key in _SOURCES and _is_of_the_account(stack, key, values) for key, values in demanded)
            if not bound and not _is_execution_role(stack, resource, name):
                yield Violation(resource, f"trusts {name} whichever account it acts for")
        elif kind == "Federated":
            yield from _federated(resource, name, statement)
        elif not is_own(stack, name):
            yield Violation(resource, f"trusts {name}, which is not of the stack's account")


def _is_of_the_account(stack: Stack, key: str, values: Sequence[str]) -> bool:
    """Whether a condition on a request lets in what acts for the stack's own account, or its organization, alone."""
    if key == "aws:principalorgid":
        return not any(_is_pattern(value) for value in values)
    return key in _NARROWS and all(_is_ours(stack, key, value) for value in values)


def _is_ours(stack: Stack, key: str, value: str) -> bool:
    if key == "aws:sourcearn" and value.startswith("arn:aws:s3:::"):
        # A bucket's ARN has no account, and its name is the only one of all accounts.
        return not _is_pattern(value) or _has_a_name(stack, value)
    return is_own(stack, value)


def _is_execution_role(stack: Stack, role: Resource, service: str) -> bool:
    """Whether the service got the role by being handed it for one of the stack's own resources."""
    type_, key = _HANDED.get(service, ("", ""))
    return any(user.refers(key, role) for user in stack.of_type(type_))


def _federated(resource: Resource, provider: str, statement: Statement) -> Iterator[Violation]:
    demanded = {key.lower(): values for key, values in statement.conditions.get("StringEquals", {}).items()}
    for claim in ("aud", "sub"):
        values = [value for key, values in demanded.items() if key.endswith(f":{claim}") for value in values]
        if not values:
            yield Violation(resource, f"trusts {provider} without an exact {claim} of its tokens")


RULES = (
    Rule(
        name="no-wildcard-actions",
        description="No permission is for all actions of a service, or for all but some.",
        remedy="Name the actions: allow(['sqs:SendMessage'], queue.arn). Only reading may have a pattern, as Get*.",
        check=_no_wildcard_actions,
    ),
    Rule(
        name="no-wildcard-resources",
        description="Permissions are for resources of known names or tags; `*` is for what AWS lets nobody narrow.",
        remedy="Give the ARNs to allow(). Where AWS knows none, use allow_unscoped(), and add the action to UNSCOPED "
        "in policies/access.py.",
        check=_no_wildcard_resources,
    ),
    Rule(
        name="few-managed-policies",
        description="Of the policies that AWS keeps, roles have only those that are as narrow as our own.",
        remedy="Write a policy of the actions that are used, or add the name to MANAGED in policies/access.py.",
        check=_few_managed_policies,
    ),
    Rule(
        name="known-callers",
        description="Roles and resources trust a service for one account only, an identity provider for exact claims, "
        "and never everybody.",
        remedy="Add the condition aws:SourceAccount or aws:SourceArn (components.trust.trust does); for an identity "
        "provider StringEquals with its aud and sub.",
        check=_known_callers,
    ),
)
