"""A route that asked for authorization and does not any more answers anybody."""

import pulumi_aws as aws


def _api(authorization: str | None) -> None:
    api = aws.apigatewayv2.Api("http", protocol_type="HTTP")
    aws.apigatewayv2.Route("admin", api_id=api.id, route_key="GET /admin", authorization_type=authorization)


def before() -> None:
    """Callers sign."""
    _api("AWS_IAM")


def after() -> None:
    """They do not."""
    _api(None)


CHANGES: list[str] = ["update aws:apigatewayv2/route:Route admin: authorizationType"]
RISKS: list[str] = ["access public-entrance admin"]
