output "store" {
  description = "The settings of a store in lifeboat.yaml. The edge also needs S3_ENDPOINT, which is https://s3.REGION.amazonaws.com."
  value = {
    bucket = aws_s3_bucket.lifeboat.id
    region = aws_s3_bucket.lifeboat.bucket_region
  }
}

output "keys" {
  description = "The access keys, by who uses them: reader (the edge), writer (the job), pruner (lifeboat prune), drill, and the clusters."
  sensitive   = true
  value = {
    for name, key in aws_iam_access_key.this : name => {
      access_key_id     = key.id
      secret_access_key = key.secret
    }
  }
}

output "roles" {
  description = "The ARNs of the roles that service accounts take (AWS_ROLE_ARN)."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}
