"""Offline, an output is its input, or a placeholder that says what it stands for."""

import pulumi
import pulumi_awsx as awsx
import pytest
from pulumi_aws import apigatewayv2, ec2, elasticache, lambda_, rds, sqs

from workbench.evaluate import evaluate
from workbench.offline import manifest_of
from workbench.placeholders import Placeholders

PLACE = ("eu-central-1", "111111111111")


def outputs(**exported: pulumi.Input[object]) -> None:
    for name, value in exported.items():
        pulumi.export(name, value)


def test_an_arn_is_shaped_like_one_with_the_region_and_account_of_the_stack() -> None:
    def program() -> None:
        function = lambda_.Function("fn", name="fn", role="r", runtime="python3.13", handler="m.h")
        alias = lambda_.Alias("live", name="live", function_name=function.arn, function_version="1")
        outputs(queue=sqs.Queue("jobs", name="plinth-jobs").arn, function=function.arn, alias=alias.arn)

    assert evaluate(program, Placeholders(*PLACE)).outputs == {
        "queue": "arn:aws:sqs:eu-central-1:111111111111:plinth-jobs",
        "function": "arn:aws:lambda:eu-central-1:111111111111:function:fn",
        "alias": "arn:aws:lambda:eu-central-1:111111111111:function:fn:live",
    }


def test_any_other_output_names_its_resource_and_property() -> None:
    def program() -> None:
        cluster = rds.Cluster("db", engine="aurora-postgresql")
        cache = elasticache.ServerlessCache("counts", engine="valkey", name="counts")
        outputs(
            url=apigatewayv2.Api("api", protocol_type="HTTP").api_endpoint,
            secret=cluster.master_user_secrets[0].secret_arn,
            port=pulumi.Output.concat("", cache.endpoints[0].port.apply(str)),
            name=cache.name,
        )

    assert evaluate(program, Placeholders(*PLACE)).outputs == {
        "url": "${aws:apigatewayv2/api:Api::api.apiEndpoint}",
        "secret": "${aws:rds/cluster:Cluster::db.masterUserSecrets[0].secretArn}",
        "port": "${aws:elasticache/serverlessCache:ServerlessCache::counts.endpoints[0].port}",
        "name": "counts",
    }


def test_a_network_has_a_subnet_in_each_zone() -> None:
    def program() -> None:
        vpc = awsx.ec2.Vpc("net", availability_zone_names=["a", "b", "c"], cidr_block="10.0.0.0/16")
        outputs(subnets=vpc.isolated_subnet_ids)

    assert evaluate(program, Placeholders(*PLACE)).outputs == {
        "subnets": [f"${{awsx:ec2:Vpc::net.isolatedSubnetIds[{index}]}}" for index in range(3)]
    }


def test_a_vpcs_ipv6_range_can_be_divided() -> None:
    def program() -> None:
        vpc = ec2.Vpc("net", cidr_block="10.0.0.0/16", assign_generated_ipv6_cidr_block=True)
        outputs(range=vpc.ipv6_cidr_block, association=vpc.ipv6_association_id)

    assert evaluate(program, Placeholders(*PLACE)).outputs == {
        "range": "2001:db8::/56",
        "association": "${aws:ec2/vpc:Vpc::net.ipv6AssociationId}",
    }


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_manifest_is_the_same_each_time(stack: str) -> None:
    assert manifest_of(stack).shown() == manifest_of(stack).shown()


def test_an_object_that_was_given_in_part_has_the_rest_of_its_outputs_too() -> None:
    def program() -> None:
        configuration = apigatewayv2.DomainNameDomainNameConfigurationArgs(
            certificate_arn="arn:c", endpoint_type="REGIONAL", security_policy="TLS_1_2"
        )
        domain = apigatewayv2.DomainName("host", domain_name="a.example", domain_name_configuration=configuration)
        known = domain.domain_name_configuration
        outputs(given=known.certificate_arn, told=known.target_domain_name)

    assert evaluate(program, Placeholders(*PLACE)).outputs == {
        "given": "arn:c",
        "told": "${aws:apigatewayv2/domainName:DomainName::host.domainNameConfiguration.targetDomainName}",
    }
