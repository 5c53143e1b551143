"""Prints the IAM policy of the role that looks for drift: what of the deploy role's rights only reads, and no more.

Run it from the project's folder: `PYTHONPATH=. .venv/bin/python .github/scripts/drift_policy.py STACK ACCOUNT REGION`.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace

from components.deploy_rights import RIGHTS, Right, Scope, statements

_READS = re.compile(r"\w+:(Describe|Get|List|View)\w+|apigateway:GET")
_VALUES = ("secretsmanager:GetSecretValue", "sqs:ReceiveMessage")


def policy(stack: str, account: str, region: str) -> dict[str, object]:
    """The policy document for a stack."""
    scope = Scope(
        region=region,
        account=account,
        prefix=f"plinth-{stack}-",
        tags={"plinth:project": "plinth", "plinth:stack": stack},
    )
    rights = [reading for rows in RIGHTS.values() for right in rows if (reading := _reading(right)) is not None]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(statement["actions"]),
                "Resource": list(statement["resources"]),
                **({"Condition": statement["conditions"]} if "conditions" in statement else {}),
            }
            for statement in statements(rights, scope)
        ],
    }


def _reading(right: Right) -> Right | None:
    actions = [action for action in right.actions if _READS.fullmatch(action) and action not in _VALUES]
    return replace(right, actions=actions) if actions else None


def main(arguments: Sequence[str]) -> None:
    """Prints it as JSON."""
    sys.stdout.write(json.dumps(policy(*arguments), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
