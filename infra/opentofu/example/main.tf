# R2 as the primary, and AWS S3 as the second store. Copy this folder, change what is in it, and keep its state where nobody else reads:
# the state has the keys. README.md says how.
terraform {
  required_version = ">= 1.8"
  required_providers {
    aws        = { source = "hashicorp/aws", version = ">= 6.0, < 7.0" }
    cloudflare = { source = "cloudflare/cloudflare", version = ">= 5.13, < 6.0" }
  }
}

provider "cloudflare" {} # CLOUDFLARE_API_TOKEN

provider "aws" {
  region = "eu-central-1" # AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
}

module "primary" {
  source     = "../cloudflare"
  account_id = "0123456789abcdef0123456789abcdef"
}

module "second" {
  source   = "../aws-s3"
  bucket   = "example-lifeboat"
  clusters = ["prod"]
}

output "stores" {
  value = [module.primary.store, module.second.store]
}

output "keys" {
  sensitive = true
  value     = { primary = module.primary.keys, second = module.second.keys }
}
