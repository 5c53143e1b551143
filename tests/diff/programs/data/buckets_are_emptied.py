"""Objects go with a bucket, with a switch that empties it, and with the versions that are no longer kept."""

import pulumi_aws as aws


def before() -> None:
    """A bucket to delete, one that keeps versions by itself, and one that does so by another resource."""
    aws.s3.Bucket("uploads", force_destroy=True)
    aws.s3.Bucket("archive", versioning=aws.s3.BucketVersioningArgs(enabled=True))
    pictures = aws.s3.Bucket("pictures")
    aws.s3.BucketVersioning(
        "pictures",
        bucket=pictures.bucket,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
    )


def after() -> None:
    """Two, without versions."""
    aws.s3.Bucket("archive", versioning=aws.s3.BucketVersioningArgs(enabled=False), force_destroy=True)
    aws.s3.Bucket("pictures")


CHANGES = [
    "delete aws:s3/bucket:Bucket uploads",
    "delete aws:s3/bucketVersioning:BucketVersioning pictures",
    "update aws:s3/bucket:Bucket archive: forceDestroy, versioning.enabled",
]
RISKS = ["data-loss deleted uploads", "data-loss protection-removed archive", "data-loss protection-removed pictures"]
