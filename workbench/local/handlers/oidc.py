"""The identity provider of a code host. The emulator keeps it, and nobody here has a token to show to it."""

from collections.abc import Mapping

from workbench.local.handlers.base import Api, Call, Handler

HANDLERS: Mapping[str, Handler] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Api(
        service="iam",
        create_call="CreateOpenIDConnectProvider",
        rename={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
        id="out.OpenIDConnectProviderArn",
        outputs={"arn": "out.OpenIDConnectProviderArn"},
        delete_call=Call("DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": "id"}),
    ),
}
