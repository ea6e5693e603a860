"""The Terraform files against an emulated AWS: applied, planned again with nothing to do, destroyed."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from app.simulator.load.processes import free_port

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / ".data/deploy-tools"
REGION, MODEL = "us-east-1", "amazon.nova-2-sonic-v1:0"
MODEL_ARN = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
UP_WITHIN_S = 60
CHANGES = 2  # `terraform plan -detailed-exitcode` has something to do


class Cloud:
    """An emulated account: what somebody has before they run our Terraform, and a look at what it made."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        ec2 = self.client("ec2")
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        ssm, secrets = self.client("ssm"), self.client("secretsmanager")
        ssm.put_parameter(Name="/offhook/stream-secret", Value="kept away", Type="SecureString")
        self.variables: dict[str, Any] = {
            "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/offhook:0.1.0",
            "public_url": "https://bot.example.com",
            "certificate_arn": self.client("acm").request_certificate(DomainName="bot.example.com")["CertificateArn"],
            "vpc_id": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
            "public_subnet_ids": subnets[:2],
            "private_subnet_ids": subnets[2:4],
            "secrets": {
                "TWILIO_AUTH_TOKEN": secrets.create_secret(Name="twilio-token", SecretString="kept away")["ARN"],
                "STREAM_SECRET": ssm.get_parameter(Name="/offhook/stream-secret")["Parameter"]["ARN"],
            },
            "alarm_emails": ["ops@example.com"],
        }

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **keys)


class Terraform:
    """The files in a folder of their own, with the provider of this machine."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self._folder = folder / "aws"
        shutil.copytree(REPOSITORY / "deploy/aws", self._folder, ignore=shutil.ignore_patterns(".terraform*"))
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CHECKPOINT_DISABLE": "1",
        }
        if mirror := os.environ.get("TF_PLUGINS", "/opt/tf-plugins" if Path("/opt/tf-plugins").is_dir() else ""):
            config = folder / "terraformrc"
            config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
            self._env["TF_CLI_CONFIG_FILE"] = str(config)

    def __call__(self, *words: str, variables: dict[str, Any] | None = None, good: tuple[int, ...] = (0,)) -> str:
        command = ["terraform", words[0], "-no-color", *words[1:]]
        if variables is not None:
            (self._folder / "these.tfvars.json").write_text(json.dumps(variables))
            command.append("-var-file=these.tfvars.json")
        done = subprocess.run(
            command, cwd=self._folder, env=self._env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode in good, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    @property
    def state(self) -> str:
        return (self._folder / "terraform.tfstate").read_text()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    python = TOOLS / "moto/bin/python"
    assert python.exists(), f"{python} is missing: make deploy-tools"
    port, said = free_port(), tmp_path_factory.mktemp("moto") / "said"
    with said.open("wb") as out:
        script = Path(__file__).with_name("emulated_aws.py")
        process = subprocess.Popen([python, script, str(port)], stdout=out, stderr=out)
    try:
        endpoint, until = f"http://127.0.0.1:{port}", time.monotonic() + UP_WITHIN_S
        while not _is_up(endpoint):
            assert process.poll() is None and time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        yield Cloud(endpoint)
    finally:
        process.terminate()
        process.wait()


def _is_up(endpoint: str) -> bool:
    try:
        return httpx.get(f"{endpoint}/moto-api/data.json", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def terraform(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    run = Terraform(tmp_path_factory.mktemp("terraform"), cloud.endpoint)
    run("init")
    return run


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_files_are_valid_and_in_order(terraform: Terraform) -> None:
    assert "The configuration is valid" in terraform("validate")
    terraform("fmt", "-check", "-diff")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_apply_then_nothing_to_do_then_destroy(cloud: Cloud, terraform: Terraform) -> None:
    variables = cloud.variables | {"redis_url": "rediss://store.example.com:6379/0"}
    applied = terraform("apply", "-auto-approve", variables=variables)
    again = terraform("plan", "-detailed-exitcode", variables=variables)
    print(applied, again, sep="\n")
    assert "No changes. Your infrastructure matches the configuration." in again

    assert _allowed(cloud, "offhook-task") == {
        ("bedrock:InvokeModel", MODEL_ARN),
        ("bedrock:InvokeModelWithBidirectionalStream", MODEL_ARN),
    }
    everything = {action for action, resource in _allowed(cloud, "offhook-execution") if resource == "*"}
    assert everything == {"ecr:GetAuthorizationToken"}
    assert not [action for action, _ in _allowed(cloud, "offhook-execution") if "*" in action]
    task = cloud.client("ecs").describe_task_definition(taskDefinition="offhook")["taskDefinition"]
    [container] = task["containerDefinitions"]
    assert container["user"] == "10001:10001" and container["readonlyRootFilesystem"]
    assert {secret["name"] for secret in container["secrets"]} == {"TWILIO_AUTH_TOKEN", "STREAM_SECRET"}
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) >= 7 and all(alarm["AlarmActions"] for alarm in alarms)
    assert "kept away" not in terraform.state + applied + again

    destroyed = terraform("destroy", "-auto-approve", variables=variables)
    assert "Destroy complete!" in destroyed and not cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_a_redis_of_theirs_one_is_planned(cloud: Cloud, terraform: Terraform) -> None:
    """Planned only: the emulated account keeps too little of a replication group to apply it."""
    planned = "aws_elasticache_replication_group.this[0] will be created"
    assert planned in terraform("plan", "-detailed-exitcode", variables=cloud.variables, good=(CHANGES,))
    arn = cloud.variables["secrets"]["TWILIO_AUTH_TOKEN"]
    secret = cloud.variables | {"secrets": {"TWILIO_AUTH_TOKEN": arn, "REDIS_URL": arn}}
    assert planned not in terraform("plan", "-detailed-exitcode", variables=secret, good=(CHANGES,))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"image": "registry.example.com/offhook:latest"}, "not :latest"),
        ({"public_url": "http://bot.example.com"}, "such as https://bot.example.com"),
        ({"model_id": "amazon.nova-*"}, "without a wildcard"),
        ({"secrets": {"TWILIO_AUTH_TOKEN": "0123456789abcdef"}}, "never the secrets themselves"),
        ({"settings": {"STREAM_SECRET": "x"}}, "secrets belong into"),
        ({"tasks": {"least": 1, "most": 3}}, "at least 2"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_variable_is_refused_with_the_fix(
    cloud: Cloud, terraform: Terraform, wrong: dict[str, Any], told: str
) -> None:
    said = terraform("plan", "-refresh=false", variables=cloud.variables | wrong, good=(1,))
    assert told in " ".join(said.split())


def _allowed(cloud: Cloud, role: str) -> set[tuple[str, str]]:
    """Every action that a role's own policies allow, with its resource."""
    iam = cloud.client("iam")
    assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    found: set[tuple[str, str]] = set()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            found |= {(a, r) for a in _listed(statement["Action"]) for r in _listed(statement["Resource"])}
    return found


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
