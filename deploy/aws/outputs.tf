output "balancer" {
  description = "Where your DNS must lead the host of public_url: a CNAME or an alias."
  value       = aws_lb.this.dns_name
}

output "voice_webhook" {
  description = "Of your numbers at Twilio: offhook numbers assign."
  value       = "${var.public_url}/twilio/voice"
}

output "alarm_topic" {
  value = aws_sns_topic.alarms.arn
}

output "log_group" {
  value = aws_cloudwatch_log_group.this.name
}
