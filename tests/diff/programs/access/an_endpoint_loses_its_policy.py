"""An endpoint without a policy lets through whatever the network sends."""

import json

import pulumi_aws as aws


def _document(*statements: dict[str, str]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def before() -> None:
    """Only reading one bucket."""
    reads = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::plinth/*"}
    aws.ec2.VpcEndpoint("s3", vpc_id="vpc-1", service_name="com.amazonaws.eu-central-1.s3", policy=_document(reads))


def after() -> None:
    """Anything."""
    aws.ec2.VpcEndpoint("s3", vpc_id="vpc-1", service_name="com.amazonaws.eu-central-1.s3")


CHANGES: list[str] = ["update aws:ec2/vpcEndpoint:VpcEndpoint s3: policy"]
RISKS: list[str] = ["access iam-widened s3"]
