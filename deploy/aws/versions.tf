# Offhook on ECS Fargate behind an Application Load Balancer, with Redis, alarms, and a role that may do one thing.
#   terraform init && terraform apply -var-file=mine.tfvars
# Secrets are made outside and named by their ARN: none is ever in Terraform's state. Checked by `make deploy-check`.
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Application = var.name }
  }
}

data "aws_partition" "this" {}
