"""Which resource types cost what: those that are estimated, and those that cost nothing by themselves."""

from collections.abc import Callable, Iterator, Mapping

from workbench.cost import computing, data, networking, watching
from workbench.cost.triggers import FUNCTION, SCHEDULE, SOURCE
from workbench.cost.usage import Site, Usage
from workbench.diff.snapshot import Entry

ESTIMATED: Mapping[str, Callable[[Site, Entry], Iterator[Usage]]] = {
    FUNCTION: computing.function,
    SCHEDULE: computing.schedule,
    SOURCE: computing.event_source,
    "aws:lambdamicrovms/image:Image": computing.image,
    "aws:apigatewayv2/stage:Stage": networking.stage,
    "aws:ec2/eip:Eip": networking.address,
    "aws:ec2/flowLog:FlowLog": networking.flow_log,
    "aws:ec2/natGateway:NatGateway": networking.nat_gateway,
    "aws:ec2/vpcEndpoint:VpcEndpoint": networking.endpoint,
    "aws:route53/zone:Zone": networking.zone,
    "aws:wafv2/webAcl:WebAcl": networking.web_acl,
    "awsx:ec2:Vpc": networking.crosswalk_vpc,
    "aws:dynamodb/table:Table": data.table,
    "aws:elasticache/serverlessCache:ServerlessCache": data.cache,
    "aws:kms/key:Key": data.key,
    "aws:rds/cluster:Cluster": data.cluster,
    "aws:rds/clusterInstance:ClusterInstance": data.instance,
    "aws:rds/proxy:Proxy": data.proxy,
    "aws:s3/bucket:Bucket": data.bucket,
    "aws:s3/bucketV2:BucketV2": data.bucket,
    "aws:secretsmanager/secret:Secret": data.secret,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": watching.composite_alarm,
    "aws:cloudwatch/dashboard:Dashboard": watching.dashboard,
    "aws:cloudwatch/metricAlarm:MetricAlarm": watching.alarm,
}
"""How each type becomes what is used."""

_FREE = (
    "aws:acm/",
    "aws:apigatewayv2/",
    "aws:budgets/budget:Budget",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    "aws:ec2/defaultRouteTable:DefaultRouteTable",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/networkAcl:NetworkAcl",
    "aws:ec2/route:Route",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:iam/",
    "aws:kms/alias:Alias",
    "aws:lambda/alias:Alias",
    "aws:lambda/coreNetworkConnector:CoreNetworkConnector",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
    "aws:lambda/functionUrl:FunctionUrl",
    "aws:lambda/invocation:Invocation",
    "aws:lambda/layerVersion:LayerVersion",
    "aws:lambda/permission:Permission",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup",
    "aws:rds/parameterGroup:ParameterGroup",
    "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup",
    "aws:rds/proxyTarget:ProxyTarget",
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:route53/record:Record",
    "aws:s3/",
    "aws:scheduler/scheduleGroup:ScheduleGroup",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:sns/",
    "aws:sqs/",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "pulumi:",
    "random:",
    "tls:",
)
"""Types, and beginnings of types, that cost nothing themselves, or next to it. What goes into a log, through a queue or
over an API is counted where it comes from."""


def is_free(type_: str) -> bool:
    """Whether resources of this type cost nothing by themselves."""
    return any(type_ == free or (free.endswith((":", "/")) and type_.startswith(free)) for free in _FREE)
