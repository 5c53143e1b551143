"""Which properties of an AWS resource force a new one, by type, each row with the document that was read for it.

A row lists what forces, a block for everything in it. Whatever else its document describes is changed in place, and so
is what only the provider knows, such as how it deletes. What the document does not describe yet is `unread`.
"""

from collections.abc import Mapping

from workbench.diff.replacement_rows import (
    Condition,
    Row,
    comes_or_goes,
    is_from_advanced_to_standard,
    is_no_way_to_valkey,
    is_not_default,
    is_not_removed,
    unless,
)

_SOURCE_OF_A_RULE = Condition("only where the kind of peer changes, such as a range to a group", comes_or_goes)
_PEERS: Mapping[str, Condition] = dict.fromkeys(
    ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"), _SOURCE_OF_A_RULE
)


def _provider(
    file: str, commit: str, forces: str, conditions: Mapping[str, Condition] | None = None, unread: str = ""
) -> Row:
    """A row from the schema in a file of the Terraform provider, which pulumi-aws bridges."""
    return _row(f"terraform-provider-aws internal/service/{file} @ {commit}", forces, conditions, unread)


def _cloudformation(
    type_: str, forces: str, conditions: Mapping[str, Condition] | None = None, unread: str = ""
) -> Row:
    """A row from the create-only properties in CloudFormation's schema of a type, as cfn-lint 1.51.0 has it."""
    return _row(f"CloudFormation's schema of {type_} (cfn-lint 1.51.0)", forces, conditions, unread)


def _row(source: str, forces: str, conditions: Mapping[str, Condition] | None, unread: str) -> Row:
    return Row(
        source,
        frozenset(tuple(path.split(".")) for path in forces.split()),
        {tuple(path.split(".")): condition for path, condition in (conditions or {}).items()},
        frozenset(unread.split()),
    )


TABLE: Mapping[str, Row] = {
    "aws:acm/certificate:Certificate": _provider(
        "acm/certificate.go",
        "01661ea",
        "certificateAuthorityArn domainName keyAlgorithm subjectAlternativeNames validationMethod validationOptions",
        unread="privateKeyWo privateKeyWoVersion",
    ),
    "aws:acm/certificateValidation:CertificateValidation": _provider(
        "acm/certificate_validation.go", "004eea7", "certificateArn validationRecordFqdns"
    ),
    "aws:apigatewayv2/api:Api": _provider(
        "apigatewayv2/api.go", "00a3530", "credentialsArn protocolType routeKey target"
    ),
    "aws:apigatewayv2/apiMapping:ApiMapping": _provider("apigatewayv2/api_mapping.go", "0576a14", "apiId domainName"),
    "aws:apigatewayv2/domainName:DomainName": _cloudformation("AWS::ApiGatewayV2::DomainName", "domainName"),
    "aws:apigatewayv2/integration:Integration": _provider(
        "apigatewayv2/integration.go", "03412d5", "apiId integrationSubtype integrationType"
    ),
    "aws:apigatewayv2/route:Route": _provider("apigatewayv2/route.go", "00a3530", "apiId"),
    "aws:apigatewayv2/stage:Stage": _cloudformation("AWS::ApiGatewayV2::Stage", "apiId name"),
    "aws:budgets/budget:Budget": _provider(
        "budgets/budget.go", "01d5888", "accountId name namePrefix", unread="billingViewArn filterExpression metrics"
    ),
    "aws:cloudwatch/dashboard:Dashboard": _cloudformation("AWS::CloudWatch::Dashboard", "dashboardName"),
    "aws:cloudwatch/logGroup:LogGroup": _provider(
        "logs/group.go", "0073593", "logGroupClass name namePrefix", unread="deletionProtectionEnabled"
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _cloudformation(
        "AWS::CloudWatch::Alarm",
        "name",
        unread="evaluationCriteria evaluationInterval evaluationWindow warmUpConfiguration",
    ),
    "aws:dynamodb/table:Table": _provider(
        "dynamodb/table.go",
        "01335dd",
        "hashKey localSecondaryIndexes name rangeKey restoreDateTime restoreSourceName restoreToLatestTime",
        unread="globalTableWitness importTable restoreBackupArn restoreSourceTableArn warmThroughput",
    ),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": _provider(
        "ec2/vpc_default_network_acl.go", "050ac11", "defaultNetworkAclId"
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": _provider(
        "ec2/vpc_default_route_table.go", "0df2987", "defaultRouteTableId"
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _provider(
        "ec2/vpc_default_security_group.go", "01f4311", "vpcId"
    ),
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": _cloudformation(
        "AWS::EC2::EgressOnlyInternetGateway", "vpcId"
    ),
    "aws:ec2/flowLog:FlowLog": _cloudformation(
        "AWS::EC2::FlowLog",
        "deliverCrossAccountRole destinationOptions eniId iamRoleArn logDestination logDestinationType logFormat"
        " maxAggregationInterval regionalNatGatewayId subnetId trafficType transitGatewayAttachmentId transitGatewayId"
        " vpcId",
        unread="tagFieldSpecifications",
    ),
    "aws:ec2/internetGateway:InternetGateway": _cloudformation("AWS::EC2::InternetGateway", "", unread="vpcId"),
    "aws:ec2/routeTable:RouteTable": _cloudformation("AWS::EC2::RouteTable", "vpcId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _provider(
        "ec2/vpc_route_table_association.go", "0be71be", "gatewayId subnetId"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _cloudformation(
        "AWS::EC2::SecurityGroup", "description name namePrefix vpcId"
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _cloudformation(
        "AWS::EC2::SecurityGroupIngress",
        "cidrBlocks fromPort ipv6CidrBlocks prefixListIds protocol securityGroupId self sourceSecurityGroupId toPort"
        " type",
    ),
    "aws:ec2/subnet:Subnet": _provider(
        "ec2/vpc_subnet.go",
        "00cda12",
        "availabilityZone availabilityZoneId cidrBlock ipv4IpamPoolId ipv4NetmaskLength ipv6IpamPoolId ipv6Native"
        " ipv6NetmaskLength outpostArn vpcId",
        {"ipv6CidrBlock": Condition("where the subnet gave its interfaces IPv6 addresses")},
    ),
    "aws:ec2/vpc:Vpc": _provider(
        "ec2/vpc_.go",
        "00081ce",
        "cidrBlock ipv4IpamPoolId ipv4NetmaskLength",
        {"instanceTenancy": Condition("unless it goes to default", is_not_default)},
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _provider(
        "ec2/vpc_endpoint.go",
        "008db85",
        "dnsOptions.privateDnsPreference dnsOptions.privateDnsSpecifiedDomains resourceConfigurationArn serviceName"
        " serviceNetworkArn serviceRegion vpcEndpointType vpcId",
        {
            "privateDnsEnabled": Condition(
                "unless the endpoint is of the type Interface",
                unless("vpcEndpointType", "Gateway", lambda kind: kind == "Interface"),
            )
        },
    ),
    "aws:ecr/repository:Repository": _cloudformation("AWS::ECR::Repository", "encryptionConfigurations name"),
    "aws:efs/fileSystem:FileSystem": _cloudformation(
        "AWS::EFS::FileSystem", "availabilityZoneName encrypted kmsKeyId performanceMode", unread="creationToken"
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": _provider(
        "elasticache/serverless_cache.go",
        "00a919d, #42208 and #45087",
        "kmsKeyId name snapshotArnsToRestores subnetIds",
        {
            "engine": Condition("unless it goes from redis to valkey", is_no_way_to_valkey),
            "majorEngineVersion": Condition("where AWS has no upgrade from one to the other"),
        },
        unread="networkType",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _cloudformation("AWS::IAM::OIDCProvider", "url"),
    "aws:iam/policy:Policy": _cloudformation("AWS::IAM::ManagedPolicy", "description name namePrefix path"),
    "aws:iam/role:Role": _cloudformation("AWS::IAM::Role", "name namePrefix path"),
    "aws:iam/rolePolicy:RolePolicy": _cloudformation("AWS::IAM::RolePolicy", "name namePrefix role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _provider(
        "iam/role_policy_attachment.go", "04c7984", "policyArn role"
    ),
    "aws:kms/alias:Alias": _cloudformation("AWS::KMS::Alias", "name namePrefix"),
    "aws:kms/key:Key": _provider(
        "kms/key.go", "00a3530", "customKeyStoreId customerMasterKeySpec keyUsage multiRegion xksKeyId"
    ),
    "aws:lambda/alias:Alias": _cloudformation("AWS::Lambda::Alias", "functionName name"),
    "aws:lambda/coreNetworkConnector:CoreNetworkConnector": _provider(
        "lambdacore/network_connector.go", "2e5a509", "name"
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _provider(
        "lambda/event_source_mapping.go",
        "0603f3b",
        "amazonManagedKafkaEventSourceConfig eventSourceArn queues selfManagedEventSource"
        " selfManagedKafkaEventSourceConfig startingPosition startingPositionTimestamp topics",
        unread="metricsConfig provisionedPollerConfig useResourceTimeoutForPropagation",
    ),
    "aws:lambda/function:Function": _provider(
        "lambda/function.go",
        "0156d84",
        "name packageType tenancyConfig",
        {"durableConfig": Condition("in cases that AWS does not spell out (CloudFormation's AWS::Lambda::Function)")},
        unread="useResourceTimeoutForPropagation",
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _cloudformation(
        "AWS::Lambda::EventInvokeConfig", "functionName qualifier"
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": _provider(
        "lambda/function_recursion_config.go", "14c697d", "functionName"
    ),
    "aws:lambda/functionUrl:FunctionUrl": _cloudformation("AWS::Lambda::Url", "functionName qualifier"),
    "aws:lambda/invocation:Invocation": _provider(
        "lambda/invocation.go",
        "0133e9e",
        "functionName qualifier triggers",
        {
            "input": Condition(
                "where it is invoked on creation only",
                unless("lifecycleScope", "CREATE_ONLY", lambda scope: scope != "CREATE_ONLY"),
            )
        },
    ),
    "aws:lambda/layerVersion:LayerVersion": _provider(
        "lambda/layer_version.go",
        "05389d4",
        "code compatibleArchitectures compatibleRuntimes description layerName licenseInfo s3Bucket s3Key"
        " s3ObjectVersion sourceCodeHash",
    ),
    "aws:lambda/permission:Permission": _provider(
        "lambda/permission.go",
        "04592f0",
        "action eventSourceToken function functionUrlAuthType invokedViaFunctionUrl principal principalOrgId qualifier"
        " sourceAccount sourceArn statementId statementIdPrefix",
    ),
    "aws:lambdamicrovms/image:Image": _provider(
        "lambdamicrovms/image.go", "0b93d1b", "name", unread="cpuConfigurations"
    ),
    "aws:rds/cluster:Cluster": _provider(
        "rds/cluster.go",
        "0168cf6",
        "availabilityZones clusterIdentifier clusterIdentifierPrefix clusterScalabilityType databaseName"
        " dbSubnetGroupName dbSystemId engine engineMode kmsKeyId masterUsername restoreToPointInTime s3Import"
        " sourceRegion storageEncrypted",
        {
            "snapshotIdentifier": Condition("unless it is taken away", is_not_removed),
            "storageType": Condition(
                "unless the engine is an Aurora", unless("engine", "", lambda engine: engine.startswith("aurora"))
            ),
        },
        unread="publiclyAccessible warningEventCategories",
    ),
    "aws:rds/clusterInstance:ClusterInstance": _provider(
        "rds/cluster_instance.go",
        "0160692",
        "availabilityZone clusterIdentifier customIamInstanceProfile dbSubnetGroupName engine identifier"
        " identifierPrefix",
        unread="warningEventCategories",
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": _cloudformation(
        "AWS::RDS::DBClusterParameterGroup", "description family name namePrefix"
    ),
    "aws:rds/instance:Instance": _provider(
        "rds/instance.go",
        "00e4b23",
        "availabilityZone characterSetName customIamInstanceProfile dbName engine kmsKeyId ncharCharacterSetName"
        " restoreToPointInTime s3Import storageEncrypted timezone username",
        {
            "identifier": Condition("with providers that do not rename instances"),
            "identifierPrefix": Condition("with providers that do not rename instances"),
            "snapshotIdentifier": Condition("unless it is taken away", is_not_removed),
        },
        unread="backupTarget blueGreenUpdate databaseInsightsMode dedicatedLogVolume domainAuthSecretArn domainDnsIps"
        " domainFqdn domainOu engineLifecycleSupport manageMasterUserPassword masterUserSecretKmsKeyId passwordWo"
        " passwordWoVersion storageThroughput upgradeStorageConfig warningEventCategories",
    ),
    "aws:rds/proxy:Proxy": _provider(
        "rds/proxy.go", "013f173", "endpointNetworkType engineFamily targetConnectionNetworkType vpcSubnetIds"
    ),
    "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": _cloudformation(
        "AWS::RDS::DBProxyTargetGroup", "dbProxyName"
    ),
    "aws:rds/proxyTarget:ProxyTarget": _provider(
        "rds/proxy_target.go", "04a2e6e", "dbClusterIdentifier dbInstanceIdentifier dbProxyName targetGroupName"
    ),
    "aws:rds/subnetGroup:SubnetGroup": _cloudformation("AWS::RDS::DBSubnetGroup", "name namePrefix"),
    "aws:route53/record:Record": _provider("route53/record.go", "00655c1", "name zoneId"),
    "aws:s3/bucket:Bucket": _cloudformation(
        "AWS::S3::Bucket",
        "bucket bucketNamespace bucketPrefix",
        {"objectLockEnabled": Condition("with providers that do not turn it on for a bucket that is there")},
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": _provider("s3/object.go", "033c721", "bucket key"),
    "aws:s3/bucketPolicy:BucketPolicy": _cloudformation("AWS::S3::BucketPolicy", "bucket"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _provider(
        "s3/bucket_public_access_block.go", "0160692", "bucket"
    ),
    "aws:scheduler/schedule:Schedule": _provider("scheduler/schedule.go", "02f524b", "groupName name namePrefix"),
    "aws:secretsmanager/secret:Secret": _provider(
        "secretsmanager/secret.go", "00c21ce", "name namePrefix", unread="type"
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": _provider(
        "secretsmanager/secret_version.go", "0042e8e", "secretBinary secretId secretString secretStringWoVersion"
    ),
    "aws:sns/topic:Topic": _cloudformation("AWS::SNS::Topic", "fifoTopic name namePrefix", unread="maximumMessageSize"),
    "aws:sns/topicPolicy:TopicPolicy": _provider("sns/topic_policy.go", "00a3530", "arn"),
    "aws:sns/topicSubscription:TopicSubscription": _cloudformation("AWS::SNS::Subscription", "endpoint protocol topic"),
    "aws:sqs/queue:Queue": _provider("sqs/queue.go", "00a3530", "fifoQueue name namePrefix"),
    "aws:sqs/queuePolicy:QueuePolicy": _provider("sqs/queue_policy.go", "0148137", "queueUrl"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _provider(
        "sqs/queue_redrive_allow_policy.go", "0389eec", "queueUrl"
    ),
    "aws:ssm/parameter:Parameter": _provider(
        "ssm/parameter.go",
        "0073593",
        "dataType name",
        {"tier": Condition("where it goes from Advanced to Standard", is_from_advanced_to_standard)},
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _provider(
        "ec2/vpc_security_group_ingress_rule.go", "00a3220", "securityGroupId", _PEERS
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _provider(
        "ec2/vpc_security_group_ingress_rule.go", "00a3220", "securityGroupId", _PEERS
    ),
}
"""By type token. What it lacks, the SDK's documentation decides."""
