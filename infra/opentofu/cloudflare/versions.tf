terraform {
  required_version = ">= 1.8"
  required_providers {
    cloudflare = {
      source = "cloudflare/cloudflare"
      # 5.13 changed how a token names its resources.
      version = ">= 5.13, < 6.0"
    }
  }
}
