"""In an API that has no authorizers a new route is nothing to point at."""

import pulumi_aws as aws


def before() -> None:
    """One route."""
    api = aws.apigatewayv2.Api("http", protocol_type="HTTP")
    aws.apigatewayv2.Route("items", api_id=api.id, route_key="GET /items")


def after() -> None:
    """Two."""
    api = aws.apigatewayv2.Api("http", protocol_type="HTTP")
    aws.apigatewayv2.Route("items", api_id=api.id, route_key="GET /items")
    aws.apigatewayv2.Route("runs", api_id=api.id, route_key="GET /runs")


CHANGES: list[str] = ["create aws:apigatewayv2/route:Route runs"]
RISKS: list[str] = []
