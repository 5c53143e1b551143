"""A type that the SDK itself has given another name is an alias that no program has to write."""

import pulumi_aws as aws


def before() -> None:
    """The type of yesterday."""
    files = aws.s3.BucketV2("files", bucket="plinth-files")
    aws.s3.BucketVersioning(
        "files",
        bucket=files.id,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
    )


def after() -> None:
    """The type of today."""
    files = aws.s3.Bucket("files", bucket="plinth-files")
    aws.s3.BucketVersioning(
        "files",
        bucket=files.id,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
    )


CHANGES = ["rename aws:s3/bucket:Bucket files"]
RISKS: list[str] = []
