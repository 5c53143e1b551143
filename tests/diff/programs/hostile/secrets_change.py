"""Secrets that change where a secret can stand: whole, within a map, within JSON, and copied without its mark."""

import json

import pulumi
import pulumi_aws as aws


def before() -> None:
    """The old secrets."""
    _program("planted-before")


def after() -> None:
    """The new secrets."""
    _program("planted-after")


def _program(planted: str) -> None:
    whole = pulumi.Output.secret(f"{planted}-whole")
    aws.sns.Topic("whole", display_name=whole)
    aws.sns.Topic("json", delivery_policy=whole.apply(lambda text: json.dumps({"http": {"token": text}})))
    aws.sns.Topic("copied", display_name=f"the token is {planted}-whole")
    aws.sqs.Queue("inside", tags={"team": "platform", "token": pulumi.Output.secret(f"{planted}-tag")})
    aws.sqs.Queue("same", tags={"token": pulumi.Output.secret("planted-and-unchanged")})
    pulumi.export("token", pulumi.Output.secret(f"{planted}-output"))
    pulumi.export("message", f"the token is {planted}-whole")


CHANGES = [
    "update aws:sns/topic:Topic json: deliveryPolicy",
    "update aws:sns/topic:Topic whole: displayName",
    "update aws:sqs/queue:Queue inside: tags.token",
]
RISKS: list[str] = []
