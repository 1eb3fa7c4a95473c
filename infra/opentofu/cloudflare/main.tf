# A private bucket: no cloudflare_r2_custom_domain and no r2.dev address, because either would show all objects to everybody.
resource "cloudflare_r2_bucket" "lifeboat" {
  account_id   = var.account_id
  name         = var.bucket
  location     = var.location
  jurisdiction = var.jurisdiction

  lifecycle {
    prevent_destroy = true
  }
}

# Objects never expire: a blob that was written years ago belongs to an image that is pulled today.
resource "cloudflare_r2_bucket_lifecycle" "lifeboat" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.lifeboat.name
  jurisdiction = var.jurisdiction

  rules = [{
    id         = "abort unfinished uploads"
    enabled    = true
    conditions = { prefix = "" }
    abort_multipart_uploads_transition = {
      condition = {
        type    = "Age"
        max_age = var.abort_uploads_after_days * 86400
      }
    }
  }]
}

data "cloudflare_account_api_token_permission_groups_list" "r2" {
  for_each = {
    reader = "Workers%20R2%20Storage%20Bucket%20Item%20Read"
    writer = "Workers%20R2%20Storage%20Bucket%20Item%20Write"
  }
  account_id = var.account_id
  name       = each.value
}

# The edge and drills read and list. The job writes; R2 has no permission that writes and does not delete.
resource "cloudflare_account_token" "r2" {
  for_each   = data.cloudflare_account_api_token_permission_groups_list.r2
  account_id = var.account_id
  name       = "${var.bucket} ${each.key}"

  policies = [{
    effect            = "allow"
    permission_groups = [{ id = one(each.value.result).id }]
    resources = jsonencode({
      "com.cloudflare.edge.r2.bucket.${var.account_id}_${var.jurisdiction}_${cloudflare_r2_bucket.lifeboat.name}" = "*"
    })
  }]
}

# The host name of the edge. It leads to the Worker, and not to the bucket.
resource "cloudflare_workers_custom_domain" "edge" {
  count      = var.worker == null ? 0 : 1
  account_id = var.account_id
  zone_id    = var.worker.zone_id
  hostname   = var.worker.hostname
  service    = var.worker.service
}
