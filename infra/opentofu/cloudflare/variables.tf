variable "account_id" {
  description = "The account that gets the bucket and its tokens."
  type        = string
}

variable "bucket" {
  description = "The name of the bucket."
  type        = string
  default     = "lifeboat"
}

variable "jurisdiction" {
  description = "Where the objects have to stay: default, eu or fedramp. It is a part of the endpoint."
  type        = string
  default     = "default"
}

variable "location" {
  description = "A hint of where the bucket is made, such as weur or enam; null for where you are."
  type        = string
  default     = null
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

variable "worker" {
  description = "The edge's own host name, for a Worker that is deployed already; null if wrangler makes it (routes in wrangler.deploy.toml)."
  type = object({
    hostname = string
    zone_id  = string
    service  = optional(string, "lifeboat")
  })
  default = null
}
