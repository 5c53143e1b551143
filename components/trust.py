"""Who may take a role: trust policies for AWS services, each bound to the account that it acts for if it tells it."""

import json
from typing import Any


def trust(service: str, account_id: str | None, *, source_arn: str | None = None, tags_sessions: bool = False) -> str:
    """The trust policy that lets one AWS service, such as `lambda.amazonaws.com`, take the role for one account.

    Without the account any customer's use of that service could be made to take it: None is for services that do not
    tell theirs. `source_arn` narrows it further, to a resource or a pattern of them; `tags_sessions` is for services
    that put tags on their sessions.
    """
    condition: dict[str, Any] = {}
    if account_id is not None:
        condition["StringEquals"] = {"aws:SourceAccount": account_id}
    if source_arn is not None:
        condition["ArnLike"] = {"aws:SourceArn": source_arn}
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"] if tags_sessions else "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
