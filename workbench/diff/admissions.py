"""The properties of AWS's resources that list whom or what they let in, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.diff.findings import IAM_WIDENED, NETWORK_WIDENED


@dataclass(frozen=True)
class Admission:
    """A property that lists whom or what a resource lets in. What is added to it opens something."""

    types: Sequence[str]
    path: str
    says: str
    """A sentence, `{}` for the name and `{added}` for what is added."""
    when_new: bool = True
    """Whether a new resource opens anything; what lets others in only by another resource does not."""
    rule: str = IAM_WIDENED


ADMISSIONS = (
    Admission(
        ["aws:iam/openIdConnectProvider:OpenIdConnectProvider"],
        "clientIdLists",
        "the identity provider {} now takes tokens for {added}",
        when_new=False,
    ),
    Admission(
        ["aws:iam/openIdConnectProvider:OpenIdConnectProvider"],
        "thumbprintLists",
        "the identity provider {} is now believed with the certificate {added}",
        when_new=False,
    ),
    Admission(
        ["aws:iam/openIdConnectProvider:OpenIdConnectProvider"],
        "url",
        "the identity provider {} is now {added}",
        when_new=False,
    ),
    Admission(
        ["aws:iam/samlProvider:SamlProvider"],
        "samlMetadataDocument",
        "the identity provider {} is now another one, or has other keys",
        when_new=False,
    ),
    Admission(
        ["aws:apigatewayv2/authorizer:Authorizer"],
        "jwtConfiguration.audiences",
        "{} now takes tokens for {added}",
        when_new=False,
    ),
    Admission(
        ["aws:apigatewayv2/authorizer:Authorizer"],
        "jwtConfiguration.issuer",
        "{} now takes tokens of {added}",
        when_new=False,
    ),
    Admission(
        ["aws:apigateway/authorizer:Authorizer", "aws:apigatewayv2/authorizer:Authorizer"],
        "authorizerUri",
        "who may call is now decided for {} by {added}",
        when_new=False,
    ),
    Admission(
        ["aws:apigateway/authorizer:Authorizer"],
        "providerArns",
        "{} now takes tokens of {added}",
        when_new=False,
    ),
    Admission(
        ["aws:eks/cluster:Cluster"],
        "vpcConfig.publicAccessCidrs",
        "the API of the cluster {} can now be reached from {added}",
        when_new=False,
        rule=NETWORK_WIDENED,
    ),
    Admission(["aws:ec2/vpcEndpointService:VpcEndpointService"], "allowedPrincipals", "{added} may now connect to {}"),
    Admission(
        ["aws:ec2/vpcEndpointServiceAllowedPrinciple:VpcEndpointServiceAllowedPrinciple"],
        "principalArn",
        "{added} may now connect to the service of {}",
    ),
    Admission(["aws:ram/principalAssociation:PrincipalAssociation"], "principal", "{added} may now use what {} shares"),
    Admission(
        ["aws:cloudwatch/eventPermission:EventPermission"],
        "principal",
        "{added} may now send events to the bus of {}",
    ),
    Admission(
        ["aws:ssoadmin/accountAssignment:AccountAssignment"],
        "principalId",
        "{added} may now do in the account of {} all that its permission set allows",
    ),
    Admission(["aws:eks/accessEntry:AccessEntry"], "principalArn", "{added} may now use the cluster of {}"),
)
