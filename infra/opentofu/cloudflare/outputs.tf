output "store" {
  description = "The settings of store in lifeboat.yaml, and S3_ENDPOINT, S3_BUCKET and S3_REGION of the edge."
  value = {
    endpoint = "https://${var.account_id}${var.jurisdiction == "default" ? "" : ".${var.jurisdiction}"}.r2.cloudflarestorage.com"
    bucket   = cloudflare_r2_bucket.lifeboat.name
    region   = "auto"
  }
}

output "keys" {
  description = "The keys of the S3 API, by who uses them: reader (the edge) and writer (the job)."
  sensitive   = true
  value = {
    for name, token in cloudflare_account_token.r2 : name => {
      access_key_id     = token.id
      secret_access_key = sha256(token.value)
    }
  }
}
