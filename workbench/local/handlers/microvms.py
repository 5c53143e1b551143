"""MicroVMs, which need virtual machines of AWS's own: refused, with what to do instead."""

from collections.abc import Mapping

_NO_VIRTUAL_MACHINES = (
    "there are no virtual machines here to run MicroVMs. Bring the stack up with another sandbox_isolation, such as "
    "'ephemeral'; `plinth manifest` shows what this one would deploy"
)
_ONLY_FOR_IMAGES = "nothing here builds images of MicroVMs"

REFUSED: Mapping[str, str] = {
    "aws:lambda/coreNetworkConnector:CoreNetworkConnector": _NO_VIRTUAL_MACHINES,
    "aws:lambdamicrovms/image:Image": _NO_VIRTUAL_MACHINES,
    "aws:lambdamicrovms/microvm:Microvm": _NO_VIRTUAL_MACHINES,
}

RECORDED_ONLY: Mapping[str, str] = {
    "aws:s3/bucket:Bucket": _ONLY_FOR_IMAGES,
    "aws:s3/bucketObjectv2:BucketObjectv2": _ONLY_FOR_IMAGES,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _ONLY_FOR_IMAGES,
}
