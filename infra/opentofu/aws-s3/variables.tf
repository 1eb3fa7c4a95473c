variable "bucket" {
  description = "The name of the bucket, which nobody else in the world has."
  type        = string
}

variable "abort_uploads_after_days" {
  description = "When the parts of an upload that a killed run has left are removed."
  type        = number
  default     = 7

  validation {
    condition     = var.abort_uploads_after_days >= 2
    error_message = "An upload takes up to seven days (maxDuration), and five hours by default: leave it two days at least."
  }
}

variable "keep_versions_days" {
  description = "How long an object that was overwritten or deleted can be had back."
  type        = number
  default     = 30
}

variable "mirror" {
  description = "The name of lifeboat.yaml. The key of the drill writes the last drill of this mirror alone (lifeboat drill --publish)."
  type        = string
  default     = "default"
}

variable "clusters" {
  description = "The clusters whose lists of images are published (lifeboat images --publish). Each gets a key that writes its own list alone."
  type        = set(string)
  default     = []
}

variable "users" {
  description = "Which of reader, writer, pruner, drill and the clusters get a user with an access key, for what runs outside of AWS and has no identity there."
  type        = set(string)
  default     = ["reader", "writer"]
}

variable "identities" {
  description = "Which service accounts of Kubernetes may take a role, by its name (writer, pruner, drill, or a cluster). The provider is the ARN of an aws_iam_openid_connect_provider of the cluster's issuer; the issuer has no https://."
  type = map(object({
    provider_arn    = string
    issuer          = string
    namespace       = optional(string, "lifeboat")
    service_account = optional(string, "lifeboat")
  }))
  default = {}
}
