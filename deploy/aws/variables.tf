variable "name" {
  description = "Of everything that is made here."
  type        = string
  default     = "offhook"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "name: 2 to 20 small letters, digits and dashes, the first a letter."
  }
}

variable "region" {
  description = "Where it runs, and where the model is asked: put both near each other."
  type        = string
  default     = "us-east-1"
}

variable "image" {
  description = "The image, with a tag or digest: deploy/Dockerfile says how it is built."
  type        = string
  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_.-]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image: give a tag that stays what it is, or a digest; not :latest."
  }
}

variable "architecture" {
  description = "Of the image."
  type        = string
  default     = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture: X86_64 or ARM64."
  }
}

variable "public_url" {
  description = "PUBLIC_URL: the https address that your DNS leads to the load balancer."
  type        = string
  validation {
    condition     = can(regex("^https://[A-Za-z0-9.-]+$", var.public_url))
    error_message = "public_url: such as https://bot.example.com, without a path."
  }
}

variable "certificate_arn" {
  description = "Of ACM, for the host of public_url, in this region."
  type        = string
  validation {
    condition     = can(regex("^arn:[^:]+:acm:", var.certificate_arn))
    error_message = "certificate_arn: the ARN of a certificate of ACM."
  }
}

variable "vpc_id" {
  type = string
}

variable "public_subnet_ids" {
  description = "Of the load balancer: two zones at least."
  type        = list(string)
  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "public_subnet_ids: a load balancer needs subnets in two zones at least."
  }
}

variable "private_subnet_ids" {
  description = "Of the tasks and of Redis, with a way out (NAT, or endpoints for Bedrock, ECR, Logs and your secrets)."
  type        = list(string)
  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "private_subnet_ids: give two zones at least, so that the loss of one leaves a server."
  }
}

variable "secrets" {
  description = "Environment variable -> ARN of a secret of Secrets Manager or a SecureString of SSM."
  type        = map(string)
  validation {
    condition     = contains(keys(var.secrets), "TWILIO_AUTH_TOKEN")
    error_message = "secrets: TWILIO_AUTH_TOKEN is needed; without it anybody could place calls."
  }
  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:(secretsmanager|ssm):", arn))])
    error_message = "secrets: give ARNs of secretsmanager or ssm, never the secrets themselves."
  }
}

variable "secrets_key_arn" {
  description = "The KMS key of those secrets, where it is one of your own."
  type        = string
  default     = ""
}

variable "settings" {
  description = "Further environment of the server, such as PERSON_NUMBER. Nothing secret: it stands in the task definition."
  type        = map(string)
  default     = {}
  validation {
    condition = length(setintersection(keys(var.settings), [
      "TWILIO_AUTH_TOKEN", "TWILIO_API_SECRET", "STREAM_SECRET", "METRICS_TOKEN", "DATABASE_URL"
    ])) == 0
    error_message = "settings: secrets belong into `secrets`, by their ARN."
  }
}

variable "model_id" {
  description = "NOVA_SONIC_MODEL_ID: the one model that the tasks may ask."
  type        = string
  default     = "amazon.nova-2-sonic-v1:0"
  validation {
    condition     = can(regex("^[a-z0-9]+\\.[a-z0-9.:-]+$", var.model_id))
    error_message = "model_id: such as amazon.nova-2-sonic-v1:0, without a wildcard."
  }
}

variable "account_streams" {
  description = "NOVA_SONIC_MAX_STREAMS: the account's limit of concurrent streams, over all tasks."
  type        = number
  default     = 20
  validation {
    condition     = var.account_streams >= 1
    error_message = "account_streams: at least 1."
  }
}

variable "tasks" {
  description = "The fewest and the most."
  type        = object({ least = number, most = number })
  default     = { least = 2, most = 10 }
  validation {
    condition     = var.tasks.least >= 2 && var.tasks.most >= var.tasks.least
    error_message = "tasks: at least 2, so that the calls of one that is lost go on in another; most >= least."
  }
}

variable "calls_a_task" {
  description = "At which number of live calls a task another is started: deploy/CAPACITY.md."
  type        = number
  default     = 40
  validation {
    condition     = var.calls_a_task >= 1 && var.calls_a_task <= 80
    error_message = "calls_a_task: 1 to 80, which is MAX_CALLS of a task."
  }
}

variable "calls_end_within" {
  description = "Seconds in which calls of a task that is replaced may end where they are; the others go on in another."
  type        = number
  default     = 600
  validation {
    condition     = var.calls_end_within >= 0 && var.calls_end_within <= 3600
    error_message = "calls_end_within: 0 to 3600."
  }
}

variable "redis_node_type" {
  type    = string
  default = "cache.t4g.small"
}

variable "redis_url" {
  description = "A Redis of yours with maxmemory-policy noeviction, which lets the tasks' security group in; else one is made."
  type        = string
  default     = ""
  validation {
    condition     = var.redis_url == "" || can(regex("^rediss?://[^@/]+(:\\d+)?(/\\d+)?$", var.redis_url))
    error_message = "redis_url: such as rediss://host:6379/0. With a password in it, it belongs into secrets as REDIS_URL."
  }
}

variable "alarm_emails" {
  description = "Who hears of alarms."
  type        = set(string)
  default     = []
}

variable "log_days" {
  type    = number
  default = 30
}
