"""KMS."""

from collections.abc import Mapping

from workbench.local.handlers.base import Api, Call, Handler

HANDLERS: Mapping[str, Handler] = {
    "aws:kms/key:Key": Api(
        service="kms",
        create_call="CreateKey",
        ignored=("deletionWindowInDays", "enableKeyRotation"),
        id="out.KeyMetadata.KeyId",
        outputs={"arn": "out.KeyMetadata.Arn", "keyId": "out.KeyMetadata.KeyId"},
        delete_call=Call("ScheduleKeyDeletion", {"KeyId": "id"}),
    ),
}
