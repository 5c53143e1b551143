"""A setting that kept a bucket private is off; a bucket that goes takes its own along."""

import pulumi_aws as aws


def before() -> None:
    """Two private buckets."""
    bucket = aws.s3.Bucket("exports")
    aws.s3.BucketPublicAccessBlock(
        "exports-private",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )
    scratch = aws.s3.Bucket("scratch")
    aws.s3.BucketPublicAccessBlock("scratch-private", bucket=scratch.id, block_public_acls=True)


def after() -> None:
    """One that public policies may open, and one that is gone."""
    bucket = aws.s3.Bucket("exports")
    aws.s3.BucketPublicAccessBlock(
        "exports-private",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=False,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )


CHANGES: list[str] = [
    "delete aws:s3/bucket:Bucket scratch",
    "delete aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock scratch-private",
    "update aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock exports-private: blockPublicPolicy",
]
RISKS: list[str] = ["data-loss deleted scratch", "access public-entrance exports-private"]
