"""IAM. The emulator enforces the policies of the functions' roles, so a missing grant fails here too."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.local.handlers.base import Api, Call, Handler


@dataclass(frozen=True)
class Gap:
    """An action that AWS allows with a statement, and the emulator does not."""

    granted: str
    """The action that the statement grants."""
    needed: str
    """The action that the emulator looks for."""
    anywhere: bool
    """Whether it looks for it on any resource, rather than on those of the statement."""
    reason: str
    unknown_keys: str | None = None
    """The beginning of the condition keys that it never fills in, and that would fail for that alone."""


EMULATOR_GAPS: Sequence[Gap] = (
    Gap(
        "lambda:CreateFunction",
        "lambda:CreateFunction",
        True,
        "it reads of the request's body the tags, and neither the name nor the layers and the network",
        unknown_keys="lambda:",
    ),
    Gap("sqs:SendMessage", "sqs:SendMessageBatch", False, "on AWS the right to the single call covers the batch"),
)
"""What is added to the policies of functions here, and only here, because the emulator tells it differently."""

_UNKNOWN_KEYS = ("aws:RequestedRegion",)
"""Condition keys that the emulator never fills in, whatever the action: it has one region only."""


def widened(policy: str) -> str:
    """A policy document with the emulator's gaps bridged, each by one further statement."""
    document: dict[str, Any] = json.loads(policy)
    document["Statement"] = [_under_known_conditions(statement, _UNKNOWN_KEYS) for statement in document["Statement"]]
    bridges = [
        {
            **_under_known_conditions(statement, (gap.unknown_keys,) if gap.unknown_keys else ()),
            "Action": gap.needed,
            "Resource": "*" if gap.anywhere else statement["Resource"],
        }
        for statement in document["Statement"]
        for gap in EMULATOR_GAPS
        if statement["Effect"] == "Allow" and gap.granted in _listed(statement["Action"])
    ]
    return json.dumps({**document, "Statement": [*document["Statement"], *bridges]})


def _under_known_conditions(statement: dict[str, Any], unknown: tuple[str, ...]) -> dict[str, Any]:
    if not unknown or "Condition" not in statement:
        return statement
    known = {
        operator: {key: values for key, values in keys.items() if not key.startswith(unknown)}
        for operator, keys in statement["Condition"].items()
    }
    return {**statement, "Condition": {operator: keys for operator, keys in known.items() if keys}}


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _with_widened_policy(inputs: dict[str, Any]) -> dict[str, Any]:
    return {**inputs, "policy": widened(inputs["policy"])} if "policy" in inputs else inputs


HANDLERS: Mapping[str, Handler] = {
    "aws:iam/policy:Policy": Api(
        service="iam",
        create_call="CreatePolicy",
        names="name",
        rename={"name": "PolicyName", "policy": "PolicyDocument"},
        id="out.Policy.Arn",
        outputs={"arn": "out.Policy.Arn", "policyId": "out.Policy.PolicyId"},
        delete_call=Call("DeletePolicy", {"PolicyArn": "id"}),
    ),
    "aws:iam/role:Role": Api(
        service="iam",
        create_call="CreateRole",
        names="name",
        rename={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
        # A boundary is an administrator's policy, which nobody has made here.
        ignored=("forceDetachPolicies", "managedPolicyArns", "inlinePolicies", "permissionsBoundary"),
        id="out.Role.RoleName",
        outputs={"arn": "out.Role.Arn", "uniqueId": "out.Role.RoleId"},
        delete_call=Call("DeleteRole", {"RoleName": "id"}),
    ),
    "aws:iam/rolePolicy:RolePolicy": Api(
        service="iam",
        create_call="PutRolePolicy",
        names="name",
        rename={"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
        prepare=_with_widened_policy,
        id="join(':', [in.role, in.name])",
        fixed=("role", "name"),
        update_call=Call("PutRolePolicy"),
        delete_call=Call("DeleteRolePolicy", {"RoleName": "in.role", "PolicyName": "in.name"}),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Api(
        service="iam",
        create_call="AttachRolePolicy",
        rename={"role": "RoleName"},
        id="join(':', [in.role, in.policyArn])",
        delete_call=Call("DetachRolePolicy", {"RoleName": "in.role", "PolicyArn": "in.policyArn"}),
    ),
}
