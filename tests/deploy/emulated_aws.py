"""moto's server, and what it leaves out of what our Terraform asks. Runs in moto's own environment, which is not ours:
`python emulated_aws.py PORT`.

- ECS forgets three fields of a service.
- Application Auto Scaling knows no tags of a scalable target.
"""

import json
import sys

from moto import server
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse

FORGOTTEN = {
    "health_check_grace_period_seconds": "healthCheckGracePeriodSeconds",
    "availability_zone_rebalancing": "availabilityZoneRebalancing",
    "enable_ecs_managed_tags": "enableECSManagedTags",
}
TAGS: dict[str, dict[str, str]] = {}
create_service = EC2ContainerServiceResponse.create_service
register_target = ApplicationAutoScalingResponse.register_scalable_target


def create_service_and_remember(response: EC2ContainerServiceResponse) -> ActionResult:
    answer = create_service(response)
    for attribute, field in FORGOTTEN.items():
        setattr(answer.result["service"], attribute, response._get_param(field))
    return answer


def register_target_and_tags(response: ApplicationAutoScalingResponse) -> str:
    answer: str = register_target(response)
    TAGS.setdefault(json.loads(answer)["ScalableTargetARN"], {}).update(response._get_param("Tags") or {})
    return answer


def list_tags(response: ApplicationAutoScalingResponse) -> str:
    return json.dumps({"Tags": TAGS.get(response._get_param("ResourceARN"), {})})


EC2ContainerServiceResponse.create_service = create_service_and_remember
ApplicationAutoScalingResponse.register_scalable_target = register_target_and_tags
ApplicationAutoScalingResponse.list_tags_for_resource = list_tags

if __name__ == "__main__":
    server.main(["-H", "127.0.0.1", "-p", sys.argv[1]])
