# The server may ask one model. Whoever starts it may read its image, write its log, and read the secrets named.

data "aws_iam_policy_document" "ecs_tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  assume_role_policy = data.aws_iam_policy_document.ecs_tasks.json
}

data "aws_iam_policy_document" "model" {
  statement {
    sid       = "AskOneModel"
    actions   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithBidirectionalStream"]
    resources = ["arn:${data.aws_partition.this.partition}:bedrock:${var.region}::foundation-model/${var.model_id}"]
  }
}

resource "aws_iam_role_policy" "model" {
  name   = "model"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.model.json
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.ecs_tasks.json
}

locals {
  in_secrets_manager = [for arn in values(var.secrets) : arn if strcontains(arn, ":secretsmanager:")]
  in_ssm             = [for arn in values(var.secrets) : arn if strcontains(arn, ":ssm:")]
  # ECS may name one field of a secret (arn:...:name-AbCdEf:field::); the policy is about the secret.
  whole_secrets = [for arn in local.in_secrets_manager : join(":", slice(split(":", arn), 0, 7))]
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
  statement {
    sid       = "SignInToRegistry" # knows no resource
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = local.repository_arn == "" ? [] : [local.repository_arn]
    content {
      sid       = "PullImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
      resources = [statement.value]
    }
  }
  dynamic "statement" {
    for_each = length(local.whole_secrets) == 0 ? [] : [local.whole_secrets]
    content {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }
  dynamic "statement" {
    for_each = length(local.in_ssm) == 0 ? [] : [local.in_ssm]
    content {
      sid       = "ReadParameters"
      actions   = ["ssm:GetParameters"]
      resources = statement.value
    }
  }
  dynamic "statement" {
    for_each = var.secrets_key_arn == "" ? [] : [var.secrets_key_arn]
    content {
      sid       = "Decrypt"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

locals {
  # 123456789012.dkr.ecr.us-east-1.amazonaws.com/offhook:0.1.0
  ecr            = try(regex("^(\\d{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[^/]+/([^:@]+)", var.image), [])
  repository_arn = length(local.ecr) == 0 ? "" : "arn:${data.aws_partition.this.partition}:ecr:${local.ecr[1]}:${local.ecr[0]}:repository/${local.ecr[2]}"
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}
