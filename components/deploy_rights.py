"""What a deployment may do, as a table: for each resource type, the actions that its provider calls, and on what.

The narrowest of three ways is taken that AWS knows for an action (Service Authorization Reference): resources that
are named after the stack; resources with the stack's tags, or requests that set them; and for the rest a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.grants import Statement


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The stack that is deployed."""

    region: str
    account: str
    prefix: str
    """What the names of its resources begin with: `<project>-<stack>-`."""

    tags: Mapping[str, str]
    """What each of its resources that has tags is tagged with."""

    invoked: Sequence[str] = ()
    """The functions that the deployment itself invokes, by name."""

    zones: Sequence[str] = ()
    """The hosted zones that it writes records to, by id."""

    boundary: str | None = None
    """The permissions boundary without which no role may be made or changed."""


NAMED, OWN, NEW, NO_OTHERS, WIDE = "named", "own", "new", "no others", "wide"
"""How a right is narrowed: by names; by the tags that the resource has; by those that the request sets; by the tags of
what has any, so that it does not reach what another stack has tagged; not at all."""


@dataclass(frozen=True)
class Right:
    """Some actions on some resources. In `on`, ARNs after `arn:aws:` with the fields of the scope in braces."""

    actions: Sequence[str]
    on: Sequence[str]
    only: str = NAMED
    when: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict[str, Mapping[str, Sequence[str]]])
    """Further conditions: operator to key to values, with the same braces."""

    reason: str = ""
    """Why it is no narrower. Demanded where `only` is NO_OTHERS or WIDE."""


def statements(rights: Sequence[Right], scope: Scope) -> list[Statement]:
    """The rights as policy statements, those on the same resources under the same conditions in one."""
    merged: dict[str, Statement] = {}
    for right in rights:
        resources = [arn for template in right.on for arn in _filled(template, scope)]
        if not resources:
            continue
        conditions = _conditions(right, scope)
        statement = merged.setdefault(repr((sorted(resources), conditions)), Statement(actions=[], resources=resources))
        statement["actions"] = sorted({*statement["actions"], *right.actions})
        if conditions:
            statement["conditions"] = conditions
        if right.reason:
            statement["reason"] = right.reason
    return list(merged.values())


def policies(scope: Scope) -> dict[str, list[Statement]]:
    """All rights of the table by the policy that holds them: AWS takes no more than 6144 characters in one."""
    rights = [right for rows in RIGHTS.values() for right in rows]
    if scope.boundary is not None:
        rights = [*rights, _BOUNDED_ROLES]
    return {
        name: statements([right for right in rights if right.actions[0].partition(":")[0] in services], scope)
        for name, services in POLICIES.items()
    }


def _filled(template: str, scope: Scope) -> Sequence[str]:
    """The template's ARNs: one for each value of a field that has several, and none where it has none."""
    arn = template if template == "*" or template.startswith("arn:") else f"arn:aws:{template}"
    for several, values in (("{invoked}", scope.invoked), ("{zones}", scope.zones)):
        if several in arn:
            return [arn.replace(several, value).format(**_fields(scope)) for value in values]
    return [arn.format(**_fields(scope))]


def _fields(scope: Scope) -> dict[str, str]:
    return {
        "region": scope.region,
        "account": scope.account,
        "prefix": scope.prefix,
        "boundary": scope.boundary or "",
    }


def _conditions(right: Right, scope: Scope) -> dict[str, dict[str, list[str]]]:
    conditions = {
        operator: {key: [value.format(**_fields(scope)) for value in values] for key, values in keys.items()}
        for operator, keys in right.when.items()
    }
    equal: dict[str, list[str]] = {}
    if right.only in (OWN, NEW):
        which = "ResourceTag" if right.only == OWN else "RequestTag"
        equal = {f"aws:{which}/{key}": [value] for key, value in scope.tags.items()}
    elif "*" in right.on:
        equal = {"aws:RequestedRegion": [scope.region]}
    if right.only == NO_OTHERS:
        conditions["StringEqualsIfExists"] = {f"aws:ResourceTag/{key}": [value] for key, value in scope.tags.items()}
    if right.only == NEW and _tags_what_is_there(right):
        conditions["Null"] = {f"aws:ResourceTag/{key}": ["true"] for key in scope.tags}
    if scope.boundary is not None and right.actions[0] in _BOUNDED:
        equal["iam:PermissionsBoundary"] = [scope.boundary]
    if equal:
        conditions["StringEquals"] = {**conditions.get("StringEquals", {}), **equal}
    return conditions


def _tags_what_is_there(right: Right) -> bool:
    """Whether it may tag what exists already, too: with the stack's tags, what is another stack's would become its."""
    only_made = "ec2:CreateAction" in right.when.get("StringEquals", {})
    return not only_made and not _TAGGING.isdisjoint(right.actions)


_TAGGING = frozenset({"acm:AddTagsToCertificate", "ec2:CreateTags", "kms:TagResource", "rds:AddTagsToResource"})


POLICIES: Mapping[str, Sequence[str]] = {
    "compute": ("lambda", "logs", "scheduler", "sqs"),
    "data": ("elasticache", "rds"),
    "edge": ("acm", "apigateway", "budgets", "cloudwatch", "route53", "sns"),
    "network": ("ec2",),
    "roles": ("iam",),
    "stores": ("kms", "s3", "secretsmanager"),
}
"""The end of a policy's name to the services in it."""

PASSED_TO = (
    "lambda.amazonaws.com",
    "network-connectors.lambda.amazonaws.com",
    "rds.amazonaws.com",
    "scheduler.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)
"""The services that a role of the stack may be handed to."""

ATTACHED = ("arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess",)
"""The policies of AWS's own that may be attached to a role of the stack."""

_WHOLE_REGION = "AWS lists them for the whole region only, and the lists hold no data."
_FUNCTION = "lambda:{region}:{account}:function:{prefix}*"
_LAYER = "lambda:{region}:{account}:layer:{prefix}*"
_LOG_GROUPS = ("logs:{region}:{account}:log-group:/aws/*/{prefix}*",)
_ROLE = "iam::{account}:role/{prefix}*"
_QUEUE = "sqs:{region}:{account}:{prefix}*"
_TOPIC = "sns:{region}:{account}:{prefix}*"
_SECRET = "secretsmanager:{region}:{account}:secret:{prefix}*"  # noqa: S105  # an ARN, not a secret


def _ec2(*kinds: str) -> tuple[str, ...]:
    return tuple(f"ec2:{{region}}:{{account}}:{kind}/*" for kind in kinds)


def _rds(*kinds: str) -> tuple[str, ...]:
    return tuple(f"rds:{{region}}:{{account}}:{kind}:*" for kind in kinds)


def _described(*actions: str) -> Right:
    return Right(actions, ("*",), WIDE, reason=_WHOLE_REGION)


def _made_in_ec2(action: str, kind: str, *, in_own: bool = True) -> Sequence[Right]:
    """Making something of a kind, tagged from the start, and where it is put into something, into the stack's."""
    made = [
        Right([action], _ec2(kind), NEW),
        Right(["ec2:CreateTags"], _ec2("*"), NEW, {"StringEquals": {"ec2:CreateAction": _EC2_MAKES}}),
        Right(["ec2:CreateTags", "ec2:DeleteTags"], _ec2("*"), OWN),
    ]
    return [*made, Right([action], _ec2("*"), OWN)] if in_own else made


_EC2_MAKES = (
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateEgressOnlyInternetGateway",
    "CreateFlowLogs",
    "CreateInternetGateway",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateVpc",
    "CreateVpcEndpoint",
)
"""The calls that tag what they make."""

_SECURITY_GROUP_RULES = (
    Right(["ec2:CreateTags", "ec2:DeleteTags"], _ec2("*"), OWN),
    _described("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"),
)

_ROLES = Right(
    (
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
    ),
    (_ROLE,),
)

_BOUNDED = ("iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy")
"""What could give a role more than it may have, and so is allowed only within the boundary, if there is one."""

_BOUNDED_ROLES = Right(
    ("iam:PutRolePermissionsBoundary",),
    (_ROLE,),
    when={"StringEquals": {"iam:PermissionsBoundary": ["{boundary}"]}},
)

RIGHTS: Mapping[str, Sequence[Right]] = {
    "aws:acm/certificate:Certificate": (
        Right(["acm:AddTagsToCertificate", "acm:RequestCertificate"], ("acm:{region}:{account}:certificate/*",), NEW),
        Right(
            [
                "acm:DeleteCertificate",
                "acm:DescribeCertificate",
                "acm:ListTagsForCertificate",
                "acm:RemoveTagsFromCertificate",
                "acm:UpdateCertificateOptions",
            ],
            ("acm:{region}:{account}:certificate/*",),
            OWN,
        ),
    ),
    "aws:acm/certificateValidation:CertificateValidation": (
        Right(["acm:DescribeCertificate"], ("acm:{region}:{account}:certificate/*",), OWN),
    ),
    "aws:apigatewayv2/api:Api": (
        Right(["apigateway:POST"], ("apigateway:{region}::/apis",), NEW),
        Right(
            ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"],
            ("apigateway:{region}::/apis/*", "apigateway:{region}::/tags/*"),
            NO_OTHERS,
            reason="An API's id is known only afterwards, and what lies below an API has no tags of its own.",
        ),
        Right(
            ["iam:CreateServiceLinkedRole"],
            ("iam::{account}:role/aws-service-role/ops.apigateway.amazonaws.com/*",),
            WIDE,
            {"StringEquals": {"iam:AWSServiceName": ["ops.apigateway.amazonaws.com"]}},
            reason="AWS names the role: its service makes it once in an account.",
        ),
    ),
    "aws:apigatewayv2/apiMapping:ApiMapping": (),
    "aws:apigatewayv2/domainName:DomainName": (
        Right(
            ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"],
            ("apigateway:{region}::/domainnames", "apigateway:{region}::/domainnames/*"),
            NO_OTHERS,
            reason="A domain name is not the stack's, and what lies below it has no tags of its own.",
        ),
    ),
    "aws:apigatewayv2/integration:Integration": (),
    "aws:apigatewayv2/route:Route": (),
    "aws:apigatewayv2/stage:Stage": (
        Right(
            [
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            ("*",),
            WIDE,
            reason="The delivery of an access log belongs to the account and has no ARN.",
        ),
    ),
    "aws:budgets/budget:Budget": (
        Right(
            [
                "budgets:ListTagsForResource",
                "budgets:ModifyBudget",
                "budgets:TagResource",
                "budgets:UntagResource",
                "budgets:ViewBudget",
            ],
            ("budgets::{account}:budget/{prefix}*",),
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        Right(
            ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"],
            ("cloudwatch::{account}:dashboard/{prefix}*",),
        ),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        Right(
            [
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteRetentionPolicy",
                "logs:ListTagsForResource",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            _LOG_GROUPS,
        ),
        _described("logs:DescribeLogGroups"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Right(
            [
                "cloudwatch:DeleteAlarms",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:ListTagsForResource",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            ("cloudwatch:{region}:{account}:alarm:{prefix}*",),
        ),
    ),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": (
        Right(
            ["ec2:CreateTags"],
            _ec2("network-acl", "route-table", "security-group"),
            NEW,
            reason="What AWS makes with each VPC has no tags until the stack adopts it.",
        ),
        Right(
            ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry", "ec2:ReplaceNetworkAclAssociation"],
            _ec2("network-acl", "security-group"),
            NO_OTHERS,
            reason="The list that AWS makes with each VPC is emptied before it is tagged.",
        ),
        Right(["ec2:ReplaceNetworkAclAssociation"], _ec2("*"), OWN),
        _described("ec2:DescribeNetworkAcls"),
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": (
        Right(["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"], _ec2("*"), OWN),
        _described("ec2:DescribeRouteTables"),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
        Right(
            ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"],
            _ec2("network-acl", "security-group"),
            NO_OTHERS,
            reason="The group that AWS makes with each VPC is emptied before it is tagged.",
        ),
        *_SECURITY_GROUP_RULES,
    ),
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": (
        *_made_in_ec2("ec2:CreateEgressOnlyInternetGateway", "egress-only-internet-gateway"),
        Right(["ec2:DeleteEgressOnlyInternetGateway"], _ec2("*"), OWN),
        _described("ec2:DescribeEgressOnlyInternetGateways"),
    ),
    "aws:ec2/flowLog:FlowLog": (
        *_made_in_ec2("ec2:CreateFlowLogs", "vpc-flow-log"),
        Right(["ec2:DeleteFlowLogs"], _ec2("*"), OWN),
        _described("ec2:DescribeFlowLogs"),
    ),
    "aws:ec2/internetGateway:InternetGateway": (
        *_made_in_ec2("ec2:CreateInternetGateway", "internet-gateway", in_own=False),
        Right(["ec2:AttachInternetGateway", "ec2:DetachInternetGateway"], _ec2("*"), OWN),
        Right(["ec2:DeleteInternetGateway"], _ec2("*"), OWN),
        _described("ec2:DescribeInternetGateways"),
    ),
    "aws:ec2/routeTable:RouteTable": (
        *_made_in_ec2("ec2:CreateRouteTable", "route-table"),
        Right(
            ["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:ReplaceRoute"],
            _ec2("*"),
            OWN,
        ),
        _described("ec2:DescribeRouteTables"),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        Right(
            ["ec2:AssociateRouteTable", "ec2:DisassociateRouteTable", "ec2:ReplaceRouteTableAssociation"],
            _ec2("*"),
            OWN,
        ),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        *_made_in_ec2("ec2:CreateSecurityGroup", "security-group"),
        Right(["ec2:DeleteSecurityGroup"], _ec2("*"), OWN),
        _described("ec2:DescribeNetworkInterfaces"),
        *_SECURITY_GROUP_RULES,
    ),
    "aws:ec2/subnet:Subnet": (
        *_made_in_ec2("ec2:CreateSubnet", "subnet"),
        Right(
            [
                "ec2:AssociateSubnetCidrBlock",
                "ec2:DeleteSubnet",
                "ec2:DisassociateSubnetCidrBlock",
                "ec2:ModifySubnetAttribute",
            ],
            _ec2("*"),
            OWN,
        ),
        _described("ec2:DescribeSubnets"),
    ),
    "aws:ec2/vpc:Vpc": (
        *_made_in_ec2("ec2:CreateVpc", "vpc", in_own=False),
        Right(
            [
                "ec2:AssociateVpcCidrBlock",
                "ec2:DeleteVpc",
                "ec2:DisassociateVpcCidrBlock",
                "ec2:ModifyVpcAttribute",
            ],
            _ec2("*"),
            OWN,
        ),
        _described("ec2:DescribeVpcAttribute", "ec2:DescribeVpcs"),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        *_made_in_ec2("ec2:CreateVpcEndpoint", "vpc-endpoint"),
        Right(
            ["ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"],
            _ec2("*"),
            OWN,
        ),
        _described("ec2:DescribePrefixLists", "ec2:DescribeVpcEndpointServices", "ec2:DescribeVpcEndpoints"),
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": (
        Right(
            [
                "elasticache:AddTagsToResource",
                "elasticache:CreateServerlessCache",
                "elasticache:DeleteServerlessCache",
                "elasticache:DescribeServerlessCaches",
                "elasticache:ListTagsForResource",
                "elasticache:ModifyServerlessCache",
                "elasticache:RemoveTagsFromResource",
            ],
            ("elasticache:{region}:{account}:serverlesscache:{prefix}*",),
        ),
        Right(
            ["ec2:CreateVpcEndpoint"],
            _ec2("vpc-endpoint"),
            WIDE,
            {"StringLike": {"ec2:VpceServiceName": ["com.amazonaws.elasticache.serverless.*"]}},
            reason="ElastiCache makes the cache's endpoint with the caller's rights and with tags of its own.",
        ),
        Right(
            ["ec2:CreateTags"],
            _ec2("vpc-endpoint"),
            WIDE,
            {
                "StringEquals": {
                    "ec2:CreateAction": ["CreateVpcEndpoint"],
                    "aws:RequestTag/AmazonElastiCacheManaged": ["true"],
                }
            },
            reason="ElastiCache makes the cache's endpoint with the caller's rights and with tags of its own.",
        ),
        Right(
            ["iam:CreateServiceLinkedRole"],
            ("iam::{account}:role/aws-service-role/elasticache.amazonaws.com/*",),
            WIDE,
            {"StringEquals": {"iam:AWSServiceName": ["elasticache.amazonaws.com"]}},
            reason="AWS names the role: its service makes it once in an account.",
        ),
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        Right(
            ["iam:GetOpenIDConnectProvider"],
            ("iam::{account}:oidc-provider/token.actions.githubusercontent.com",),
            WIDE,
            reason="Reading who is trusted. An administrator makes and changes it.",
        ),
    ),
    "aws:iam/policy:Policy": (
        # An administrator makes and changes them: they are what this table itself becomes.
        Right(
            ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"], ("iam::{account}:policy/{prefix}*",)
        ),
    ),
    "aws:iam/role:Role": (
        _ROLES,
        Right(("iam:CreateRole",), (_ROLE,)),
        Right(["iam:PassRole"], (_ROLE,), when={"StringEquals": {"iam:PassedToService": PASSED_TO}}),
    ),
    "aws:iam/rolePolicy:RolePolicy": (Right(("iam:PutRolePolicy",), (_ROLE,)),),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        Right(("iam:AttachRolePolicy",), (_ROLE,), when={"ArnEquals": {"iam:PolicyARN": ATTACHED}}),
        Right(("iam:DetachRolePolicy",), (_ROLE,), when={"ArnEquals": {"iam:PolicyARN": ATTACHED}}),
    ),
    "aws:kms/key:Key": (
        Right(["kms:CreateKey", "kms:TagResource"], ("*",), NEW, reason="A key has no ARN before it is made."),
        Right(
            [
                "kms:DescribeKey",
                "kms:DisableKeyRotation",
                "kms:EnableKeyRotation",
                "kms:GetKeyPolicy",
                "kms:GetKeyRotationStatus",
                "kms:ListResourceTags",
                "kms:PutKeyPolicy",
                "kms:ScheduleKeyDeletion",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateKeyDescription",
            ],
            ("kms:{region}:{account}:key/*",),
            OWN,
        ),
    ),
    "aws:lambda/alias:Alias": (
        Right(["lambda:CreateAlias", "lambda:DeleteAlias", "lambda:GetAlias", "lambda:UpdateAlias"], (_FUNCTION,)),
    ),
    "aws:lambda/coreNetworkConnector:CoreNetworkConnector": (
        Right(
            [
                "lambda:CreateNetworkConnector",
                "lambda:DeleteNetworkConnector",
                "lambda:GetNetworkConnector",
                "lambda:UpdateNetworkConnector",
                "lambda:ListTags",
                "lambda:TagResource",
                "lambda:UntagResource",
            ],
            ("lambda:{region}:{account}:network-connector:{prefix}*",),
        ),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        Right(
            [
                "lambda:CreateEventSourceMapping",
                "lambda:DeleteEventSourceMapping",
                "lambda:GetEventSourceMapping",
                "lambda:UpdateEventSourceMapping",
            ],
            ("*",),
            WIDE,
            {"ArnLike": {"lambda:FunctionArn": ["arn:aws:" + _FUNCTION]}},
            reason="A mapping's id is made up by AWS; the function that it feeds is the stack's.",
        ),
        Right(
            ["lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"],
            ("lambda:{region}:{account}:event-source-mapping:*",),
            NO_OTHERS,
            reason="A mapping's id is made up by AWS, and it has no tags before the first.",
        ),
    ),
    "aws:lambda/function:Function": (
        Right(
            [
                "lambda:CreateFunction",
                "lambda:DeleteFunction",
                "lambda:DeleteFunctionConcurrency",
                "lambda:GetFunction",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetFunctionConfiguration",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
                "lambda:PublishVersion",
                "lambda:PutFunctionConcurrency",
                "lambda:TagResource",
                "lambda:UntagResource",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            (_FUNCTION,),
        ),
        _described("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        Right(
            [
                "lambda:DeleteFunctionEventInvokeConfig",
                "lambda:GetFunctionEventInvokeConfig",
                "lambda:PutFunctionEventInvokeConfig",
                "lambda:UpdateFunctionEventInvokeConfig",
            ],
            (_FUNCTION,),
        ),
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": (
        Right(["lambda:GetFunctionRecursionConfig", "lambda:PutFunctionRecursionConfig"], (_FUNCTION,)),
    ),
    "aws:lambda/invocation:Invocation": (
        Right(["lambda:InvokeFunction"], ("lambda:{region}:{account}:function:{invoked}:*",)),
    ),
    "aws:lambda/layerVersion:LayerVersion": (
        Right(["lambda:DeleteLayerVersion", "lambda:GetLayerVersion", "lambda:PublishLayerVersion"], (_LAYER,)),
    ),
    "aws:lambda/permission:Permission": (
        Right(["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"], (_FUNCTION,)),
    ),
    "aws:lambdamicrovms/image:Image": (
        Right(
            [
                "lambda:CreateMicrovmImage",
                "lambda:DeleteMicrovmImage",
                "lambda:DeleteMicrovmImageVersion",
                "lambda:GetMicrovmImage",
                "lambda:GetMicrovmImageBuild",
                "lambda:GetMicrovmImageVersion",
                "lambda:ListMicrovmImageBuilds",
                "lambda:ListMicrovmImageVersions",
                "lambda:UpdateMicrovmImage",
                "lambda:ListTags",
                "lambda:TagResource",
                "lambda:UntagResource",
            ],
            ("lambda:{region}:{account}:microvm-image:{prefix}*",),
        ),
    ),
    "aws:rds/cluster:Cluster": (
        Right(
            [
                "rds:AddTagsToResource",
                "rds:CreateDBCluster",
                "rds:CreateDBClusterSnapshot",
                "rds:DeleteDBCluster",
                "rds:DescribeDBClusters",
                "rds:ListTagsForResource",
                "rds:ModifyDBCluster",
                "rds:RemoveTagsFromResource",
            ],
            (
                "rds:{region}:{account}:cluster:{prefix}*",
                "rds:{region}:{account}:cluster-snapshot:{prefix}*",
            ),
        ),
        Right(["rds:CreateDBCluster", "rds:ModifyDBCluster"], _rds("cluster-pg", "subgrp"), OWN),
        _described("rds:DescribeGlobalClusters"),
        Right(
            ["secretsmanager:CreateSecret", "secretsmanager:RotateSecret", "secretsmanager:TagResource"],
            ("secretsmanager:{region}:{account}:secret:rds!cluster-*",),
            WIDE,
            reason="RDS makes the master user's secret with the caller's rights and under a name of its own.",
        ),
        Right(
            ["iam:CreateServiceLinkedRole"],
            ("iam::{account}:role/aws-service-role/rds.amazonaws.com/*",),
            WIDE,
            {"StringEquals": {"iam:AWSServiceName": ["rds.amazonaws.com"]}},
            reason="AWS names the role: its service makes it once in an account.",
        ),
    ),
    "aws:rds/clusterInstance:ClusterInstance": (
        Right(["rds:AddTagsToResource", "rds:CreateDBInstance"], _rds("db"), NEW),
        Right(["rds:CreateDBInstance"], ("rds:{region}:{account}:cluster:{prefix}*",)),
        Right(
            [
                "rds:AddTagsToResource",
                "rds:DeleteDBInstance",
                "rds:ListTagsForResource",
                "rds:ModifyDBInstance",
                "rds:RebootDBInstance",
                "rds:RemoveTagsFromResource",
            ],
            _rds("db"),
            OWN,
        ),
        _described("rds:DescribeDBInstances"),
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": (
        Right(["rds:AddTagsToResource", "rds:CreateDBClusterParameterGroup"], _rds("cluster-pg"), NEW),
        Right(
            [
                "rds:AddTagsToResource",
                "rds:DeleteDBClusterParameterGroup",
                "rds:DescribeDBClusterParameterGroups",
                "rds:DescribeDBClusterParameters",
                "rds:ListTagsForResource",
                "rds:ModifyDBClusterParameterGroup",
                "rds:RemoveTagsFromResource",
                "rds:ResetDBClusterParameterGroup",
            ],
            _rds("cluster-pg"),
            OWN,
        ),
    ),
    "aws:rds/proxy:Proxy": (
        Right(["rds:AddTagsToResource", "rds:CreateDBProxy"], _rds("db-proxy"), NEW),
        Right(
            [
                "rds:AddTagsToResource",
                "rds:DeleteDBProxy",
                "rds:ListTagsForResource",
                "rds:ModifyDBProxy",
                "rds:RemoveTagsFromResource",
            ],
            _rds("db-proxy"),
            OWN,
        ),
        _described("rds:DescribeDBProxies"),
    ),
    "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": (
        Right(
            ["rds:ModifyDBProxyTargetGroup"],
            _rds("target-group"),
            WIDE,
            reason="RDS makes the group with the proxy, without tags and under a name of its own.",
        ),
        _described("rds:DescribeDBProxyTargetGroups"),
    ),
    "aws:rds/proxyTarget:ProxyTarget": (
        Right(
            ["rds:DeregisterDBProxyTargets", "rds:RegisterDBProxyTargets"],
            _rds("target-group"),
            WIDE,
            reason="RDS makes the group with the proxy, without tags and under a name of its own.",
        ),
        Right(
            ["rds:DeregisterDBProxyTargets", "rds:RegisterDBProxyTargets"],
            ("rds:{region}:{account}:cluster:{prefix}*",),
        ),
        Right(["rds:DeregisterDBProxyTargets", "rds:RegisterDBProxyTargets"], _rds("db-proxy"), OWN),
        _described("rds:DescribeDBProxyTargets"),
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        Right(["rds:AddTagsToResource", "rds:CreateDBSubnetGroup"], _rds("subgrp"), NEW),
        Right(
            [
                "rds:AddTagsToResource",
                "rds:DeleteDBSubnetGroup",
                "rds:DescribeDBSubnetGroups",
                "rds:ListTagsForResource",
                "rds:ModifyDBSubnetGroup",
                "rds:RemoveTagsFromResource",
            ],
            _rds("subgrp"),
            OWN,
        ),
    ),
    "aws:route53/record:Record": (
        Right(
            ["route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets"],
            ("route53:::hostedzone/{zones}",),
        ),
        Right(["route53:GetChange"], ("route53:::change/*",), WIDE, reason="A change's id is made up by AWS."),
    ),
    "aws:s3/bucket:Bucket": (
        Right(
            [
                "s3:CreateBucket",
                "s3:DeleteBucket",
                "s3:GetAccelerateConfiguration",
                "s3:GetBucketAcl",
                "s3:GetBucketCORS",
                "s3:GetBucketLogging",
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetBucketPolicy",
                "s3:GetBucketRequestPayment",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetBucketWebsite",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
                "s3:GetReplicationConfiguration",
                "s3:ListBucket",
                "s3:ListBucketVersions",
                "s3:PutBucketTagging",
            ],
            ("s3:::{prefix}*",),
        ),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        Right(
            [
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            ("s3:::{prefix}*/*",),
        ),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        Right(["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"], ("s3:::{prefix}*",)),
    ),
    "aws:scheduler/schedule:Schedule": (
        Right(
            [
                "scheduler:CreateSchedule",
                "scheduler:DeleteSchedule",
                "scheduler:GetSchedule",
                "scheduler:UpdateSchedule",
            ],
            ("scheduler:{region}:{account}:schedule/default/{prefix}*",),
        ),
    ),
    "aws:secretsmanager/secret:Secret": (
        # Neither to read a value nor to store one: functions of the stack do that.
        Right(
            [
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:RestoreSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            (_SECRET,),
        ),
    ),
    "aws:sns/topic:Topic": (
        Right(
            [
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:GetTopicAttributes",
                "sns:ListTagsForResource",
                "sns:SetTopicAttributes",
                "sns:TagResource",
                "sns:UntagResource",
            ],
            (_TOPIC,),
        ),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (Right(["sns:GetTopicAttributes", "sns:SetTopicAttributes"], (_TOPIC,)),),
    "aws:sns/topicSubscription:TopicSubscription": (
        Right(["sns:ListSubscriptionsByTopic", "sns:Subscribe"], (_TOPIC,)),
        Right(
            ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"],
            ("*",),
            WIDE,
            reason="SNS ties a subscription's rights to no topic.",
        ),
    ),
    "aws:sqs/queue:Queue": (
        Right(
            [
                "sqs:CreateQueue",
                "sqs:DeleteQueue",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ListQueueTags",
                "sqs:SetQueueAttributes",
                "sqs:TagQueue",
                "sqs:UntagQueue",
            ],
            (_QUEUE,),
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (Right(["sqs:GetQueueAttributes", "sqs:SetQueueAttributes"], (_QUEUE,)),),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (
        Right(["sqs:GetQueueAttributes", "sqs:SetQueueAttributes"], (_QUEUE,)),
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        *_made_in_ec2("ec2:AuthorizeSecurityGroupEgress", "security-group-rule"),
        Right(
            ["ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroupEgress"],
            _ec2("*"),
            OWN,
        ),
        *_SECURITY_GROUP_RULES,
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        *_made_in_ec2("ec2:AuthorizeSecurityGroupIngress", "security-group-rule"),
        Right(
            ["ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroupIngress"],
            _ec2("*"),
            OWN,
        ),
        *_SECURITY_GROUP_RULES,
    ),
    # Its parts are rows of their own: awsx makes a VPC, its subnets, route tables and an internet gateway.
    "awsx:ec2:Vpc": (),
}
"""Resource type to what its creation, reading, change and deletion take. An empty row is covered by another's."""
