resource "aws_s3_bucket" "lifeboat" {
  bucket = var.bucket

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "lifeboat" {
  bucket                  = aws_s3_bucket.lifeboat.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# The writer cannot delete, but whoever has its key can overwrite. Old versions undo that. They cost little, because blobs and manifests
# are written once, and only tags and state are overwritten.
resource "aws_s3_bucket_versioning" "lifeboat" {
  bucket = aws_s3_bucket.lifeboat.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Objects never expire: a blob that was written years ago belongs to an image that is pulled today.
resource "aws_s3_bucket_lifecycle_configuration" "lifeboat" {
  bucket     = aws_s3_bucket.lifeboat.id
  depends_on = [aws_s3_bucket_versioning.lifeboat]

  rule {
    id     = "abort unfinished uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_uploads_after_days
    }
  }

  rule {
    id     = "remove what was overwritten"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep_versions_days
    }
  }
}

# Requests without TLS are refused, whoever signs them.
resource "aws_s3_bucket_policy" "lifeboat" {
  bucket     = aws_s3_bucket.lifeboat.id
  depends_on = [aws_s3_bucket_public_access_block.lifeboat]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.lifeboat.arn, "${aws_s3_bucket.lifeboat.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
