"""The handlers of the local cloud, one module an AWS service."""

from collections.abc import Mapping

from workbench.local.handlers import (
    acm,
    apigatewayv2,
    budgets,
    cloudwatch,
    ec2,
    elasticache,
    iam,
    kms,
    lambda_,
    logs,
    microvms,
    oidc,
    rds,
    route53,
    scheduler,
    secretsmanager,
    sns,
    sqs,
)
from workbench.local.handlers.base import Handler

HANDLERS: Mapping[str, Handler] = {
    **apigatewayv2.HANDLERS,
    **cloudwatch.HANDLERS,
    **ec2.HANDLERS,
    **elasticache.HANDLERS,
    **iam.HANDLERS,
    **kms.HANDLERS,
    **lambda_.HANDLERS,
    **logs.HANDLERS,
    **oidc.HANDLERS,
    **rds.HANDLERS,
    **scheduler.HANDLERS,
    **secretsmanager.HANDLERS,
    **sns.HANDLERS,
    **sqs.HANDLERS,
}
"""Resource type to what makes it."""

RECORDED_ONLY: Mapping[str, str] = {
    **acm.RECORDED_ONLY,
    **apigatewayv2.RECORDED_ONLY,
    **budgets.RECORDED_ONLY,
    **ec2.RECORDED_ONLY,
    **microvms.RECORDED_ONLY,
    **rds.RECORDED_ONLY,
    **route53.RECORDED_ONLY,
}
"""Resource type to the reason why it is only written down: there is nothing here that it would change."""

REFUSED: Mapping[str, str] = {**microvms.REFUSED}
"""Resource type to the reason why a stack that has it cannot be brought up here, and what to do."""

__all__ = ["HANDLERS", "RECORDED_ONLY", "REFUSED", "Handler"]
