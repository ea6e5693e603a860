# Calls that are taken up elsewhere, leases and quotas: two nodes, so that the loss of one loses no call. Where
# var.redis_url or a secret REDIS_URL names a Redis of yours, none is made.

locals {
  make_redis = var.redis_url == "" && !contains(keys(var.secrets), "REDIS_URL") ? 1 : 0
  redis_urls = concat(
    [for redis in aws_elasticache_replication_group.this : "rediss://${redis.primary_endpoint_address}:6379/0"],
    compact([var.redis_url]),
  )
}

resource "aws_elasticache_subnet_group" "this" {
  count      = local.make_redis
  name       = var.name
  subnet_ids = var.private_subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  count  = local.make_redis
  name   = var.name
  family = "redis7"
  # A call's state is never thrown out for want of room.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "this" {
  count                      = local.make_redis
  replication_group_id       = var.name
  description                = "Offhook's store"
  engine                     = "redis"
  engine_version             = "7.1"
  node_type                  = var.redis_node_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.this[0].name
  subnet_group_name          = aws_elasticache_subnet_group.this[0].name
  security_group_ids         = [aws_security_group.redis.id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  apply_immediately          = true
}
