# Before callers complain: the alerts of deploy/prometheus for CloudWatch. The server writes its metrics into its log in
# CloudWatch's embedded format (EMF); deploy/METRICS.md has the names.

# Without a key: CloudWatch may not publish to a topic under Amazon's own (alias/aws/sns). An alarm tells no secret.
resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = var.alarm_emails
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  namespace = "Offhook"
  # Of what the server says: over `above` in every one of `minutes`. Percentiles are of seconds.
  own_alarms = {
    slow-turns = {
      what = "p95 from the caller's last sound to the first frame is over 800 ms for 5 min"
      name = "TurnSeconds", percentile = "p95", above = 0.8, minutes = 5
    }
    slow-turns-half = {
      what = "Half of all turns take over 400 ms for 30 min"
      name = "TurnSeconds", percentile = "p50", above = 0.4, minutes = 30
    }
    slow-first-word = {
      what = "p95 from the stream's start to the first word is over 500 ms for 5 min"
      name = "FirstWordSeconds", percentile = "p95", above = 0.5, minutes = 5
    }
    late-loop = {
      what = "p99 of the loop's lateness is over 30 ms for 5 min: more calls than the cores carry"
      name = "LoopLatenessSeconds", percentile = "p99", above = 0.03, minutes = 5
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "own" {
  for_each            = local.own_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.what
  namespace           = local.namespace
  metric_name         = each.value.name
  extended_statistic  = each.value.percentile
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

locals {
  # One thing in so many of another, in percent, over 5 min.
  shares = {
    session-errors = {
      what  = "Over 2 % of the model's sessions fail"
      part  = "SessionErrors", part_stat = "Sum"
      whole = "SessionOpenSeconds", whole_stat = "SampleCount"
      share = "100 * part / (part + whole)", above = 2
    }
    pool-misses = {
      what  = "Over 5 % of the sessions are opened while a caller waits: raise POOL_SIZE, or the account's quota"
      part  = "PoolColdOpens", part_stat = "Sum"
      whole = "PoolLent", whole_stat = "Sum"
      share = "100 * part / whole", above = 5
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "share" {
  for_each            = local.shares
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.what
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "share"
    expression  = each.value.share
    label       = each.value.what
    return_data = true
  }
  metric_query {
    id = "part"
    metric {
      namespace   = local.namespace
      metric_name = each.value.part
      stat        = each.value.part_stat
      period      = 300
    }
  }
  metric_query {
    id = "whole"
    metric {
      namespace   = local.namespace
      metric_name = each.value.whole
      stat        = each.value.whole_stat
      period      = 300
    }
  }
}

locals {
  # More than so many within 60 s, over all tasks.
  counts = {
    provider-errors = { what = "More than 5 model sessions failed within 60 s", name = "SessionErrors", above = 5 }
    calls-refused   = { what = "Callers were told that all lines are busy", name = "CallsRefused", above = 0 }
    calls-failed    = { what = "Calls ended because no model could be had", name = "CallsFailed", above = 0 }
  }
}

resource "aws_cloudwatch_metric_alarm" "count" {
  for_each            = local.counts
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.what
  namespace           = local.namespace
  metric_name         = each.value.name
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "no_server" {
  alarm_name          = "${var.name}-no-server"
  alarm_description   = "Fewer than two tasks are ready: one more lost, and callers reach nobody"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  dimensions = {
    LoadBalancer = aws_lb.this.arn_suffix
    TargetGroup  = aws_lb_target_group.this.arn_suffix
  }
}

resource "aws_cloudwatch_metric_alarm" "webhook_errors" {
  alarm_name          = "${var.name}-webhook-errors"
  alarm_description   = "The tasks answered with 5xx more than 5 times within 60 s: Twilio went to the fallback"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
}

resource "aws_cloudwatch_metric_alarm" "store_full" {
  count               = local.make_redis
  alarm_name          = "${var.name}-store-full"
  alarm_description   = "Redis is over 80 % full; when it is full, calls can no longer move"
  namespace           = "AWS/ElastiCache"
  metric_name         = "DatabaseMemoryUsagePercentage"
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  dimensions          = { CacheClusterId = "${aws_elasticache_replication_group.this[0].id}-001" }
}
