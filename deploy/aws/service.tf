locals {
  port          = 8000
  drain_seconds = 60
  # Fargate waits no longer. A stop lasts drain_seconds and at most 22 s more.
  stop_timeout = 120
  max_calls    = 80

  environment = merge({
    PUBLIC_URL             = var.public_url
    PORT                   = tostring(local.port)
    AWS_REGION             = var.region
    NOVA_SONIC_MODEL_ID    = var.model_id
    NOVA_SONIC_MAX_STREAMS = tostring(var.account_streams)
    MAX_CALLS              = tostring(local.max_calls)
    DRAIN_SECONDS          = tostring(local.drain_seconds)
    EMF                    = "true"
  }, { for url in local.redis_urls : "REDIS_URL" => url }, var.settings)
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_ecs_cluster" "this" {
  name = var.name
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  # One process is one event loop, so one core.
  cpu                = 1024
  memory             = 2048
  task_role_arn      = aws_iam_role.task.arn
  execution_role_arn = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
  volume { name = "data" }
  volume { name = "tmp" }

  container_definitions = jsonencode([{
    name                   = "offhook"
    image                  = var.image
    essential              = true
    command                = ["serve"]
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = local.stop_timeout
    linuxParameters        = { initProcessEnabled = true }
    portMappings           = [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]
    environment            = [for name, value in local.environment : { name = name, value = value }]
    secrets                = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    mountPoints = [
      { sourceVolume = "data", containerPath = "/data", readOnly = false },
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
    ]
    healthCheck = {
      command     = ["CMD", ".venv/bin/python", "-IS", "deploy/alive.py"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "offhook"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.tasks.least
  launch_type     = "FARGATE"
  # /readyz is false until the first model sessions are warm.
  health_check_grace_period_seconds = 60
  # New tasks first: each that leaves needs somebody to take up its calls.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  enable_ecs_managed_tags            = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [aws_security_group.task.id]
    assign_public_ip = false
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "offhook"
    container_port   = local.port
  }
  lifecycle {
    # The autoscaler's.
    ignore_changes = [desired_count]
  }
  depends_on = [aws_lb_listener_rule.twilio, aws_iam_role_policy.execution]
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.tasks.least
  max_capacity       = var.tasks.most
}

# By live calls a task. CPU is no measure: a loop runs late before its core is full.
resource "aws_appautoscaling_policy" "calls" {
  name               = "${var.name}-calls"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.calls_a_task
    scale_out_cooldown = 30
    scale_in_cooldown  = 600
    customized_metric_specification {
      namespace   = local.namespace
      metric_name = "CallsLive"
      statistic   = "Average"
    }
  }
}
