"""The files of deploy/ agree with the server and with each other, and the programs they are for accept them."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.metrics.emf import NAMESPACE, TOLD
from app.settings import Settings
from app.web.doors import LAST_MOVES_S, MOVE_S

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
PROJECT = (REPOSITORY / "pyproject.toml").read_text()
KUBERNETES = DEPLOY / "kubernetes"
TOOLS = REPOSITORY / ".data/deploy-tools"
KNOWN = {name.upper() for name in Settings.model_fields}
NOT_OURS = {"HealthyHostCount", "HTTPCode_Target_5XX_Count", "DatabaseMemoryUsagePercentage"}
SYSTEMS_OWN = {"GRAFANA_PASSWORD", "WORKERS"}  # of docker-compose.yml itself
SDKS_OWN = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def variables(path: Path) -> dict[str, str]:
    lines = [line.partition("=") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in lines}


def terraform_settings() -> dict[str, str]:
    block = re.search(r"environment = merge\(\{(.*?)\}", (DEPLOY / "aws/service.tf").read_text(), re.S)
    assert block is not None
    return dict(re.findall(r"(\w+)\s+= (.+)", block[1]))


def number(pattern: str, path: Path) -> int:
    found = re.findall(pattern, path.read_text())
    assert len(found) == 1, f"{path}: {pattern} stands there {len(found)} times"
    return int(found[0])


def manifests() -> dict[str, dict[str, Any]]:
    documents = (yaml.safe_load(path.read_text()) for path in KUBERNETES.glob("*.yaml"))
    return {document["kind"]: document for document in documents}


def container() -> dict[str, Any]:
    [only] = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def compose() -> dict[str, Any]:
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    assert isinstance(services, dict)
    return services


def test_every_setting_that_a_file_names_is_one_of_the_servers() -> None:
    named = {
        "env.example": set(variables(DEPLOY / "env.example")),
        "kubernetes": set(variables(KUBERNETES / "settings.env")),
        "compose": set(compose()["offhook"]["environment"]),
        "aws": set(terraform_settings()),
        "systemd": set(
            re.findall(r"(?:^Environment=| )([A-Z_]{4,})=", (DEPLOY / "systemd/offhook.service").read_text())
        ),
    }
    assert all(named.values())
    known = KNOWN | SYSTEMS_OWN | SDKS_OWN
    assert not {place: names - known for place, names in named.items() if names - known}


def test_what_the_server_needs_is_locked() -> None:
    """An image is made of the lock alone: what is missing there, no server of it has."""
    needed = {re.split(r"[^\w.-]", line)[0] for line in tomllib.loads(PROJECT)["project"]["dependencies"]}
    for lock in ("requirements-run.lock", "requirements-dev.lock"):
        locked = set(re.findall(r"^([\w.-]+)(?:\[.*\])?==", (REPOSITORY / lock).read_text(), re.M))
        assert not needed - locked, f"{lock}: make lock"


def test_everybody_waits_until_the_last_call_has_left() -> None:
    """The first signal drains; what is left after DRAIN_SECONDS moves. Whoever kills earlier drops calls."""
    moves = MOVE_S + LAST_MOVES_S
    unit, pod = DEPLOY / "systemd/offhook.service", manifests()["Deployment"]["spec"]["template"]["spec"]
    [sleep] = [int(word) for word in container()["lifecycle"]["preStop"]["exec"]["command"] if word.isdigit()]
    grace = {
        "systemd": (number(r"TimeoutStopSec=(\d+)", unit), number(r"DRAIN_SECONDS=(\d+)", unit)),
        "compose": (
            int(compose()["offhook"]["stop_grace_period"].removesuffix("s")),
            int(compose()["offhook"]["environment"]["DRAIN_SECONDS"]),
        ),
        "kubernetes": (
            pod["terminationGracePeriodSeconds"] - sleep,
            int(variables(KUBERNETES / "settings.env")["DRAIN_SECONDS"]),
        ),
        "aws": (
            number(r"stop_timeout\s+= (\d+)", DEPLOY / "aws/service.tf"),
            number(r"drain_seconds\s+= (\d+)", DEPLOY / "aws/service.tf"),
        ),
    }
    assert not {where: (waits, drain) for where, (waits, drain) in grace.items() if waits < drain + moves + 5}


def test_balancers_let_a_call_last_and_prefer_no_server() -> None:
    longest_s = 4 * 3600
    haproxy, nginx = (DEPLOY / "haproxy/haproxy.cfg").read_text(), (DEPLOY / "nginx/offhook.conf").read_text()
    assert re.search(r"timeout tunnel (\d+)h", haproxy)[1] == str(longest_s // 3600)  # type: ignore[index]
    assert set(re.findall(r"proxy_(?:read|send)_timeout (\d+)h", nginx)) == {str(longest_s // 3600)}
    assert "GET /readyz" in haproxy and 'path                = "/readyz"' in (DEPLOY / "aws/balancer.tf").read_text()
    for text in (haproxy, nginx):
        assert not re.search(r"ip_hash|stick-table|cookie|balance source", text)
    assert manifests()["Service"]["spec"]["sessionAffinity"] == "None"


def test_the_pod_is_told_apart_from_a_dead_one_and_may_do_nothing_else() -> None:
    pod = container()
    paths = {probe: pod[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert pod["securityContext"]["readOnlyRootFilesystem"] and not pod["securityContext"]["allowPrivilegeEscalation"]
    assert manifests()["Deployment"]["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]


def test_every_metric_that_an_alarm_or_a_scaler_looks_at_is_measured() -> None:
    measured = set(re.findall(r"^\| `(offhook_\w+)`", (DEPLOY / "METRICS.md").read_text(), re.M))
    [scaled] = manifests()["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert scaled["pods"]["metric"]["name"] in measured
    files = [(DEPLOY / "aws" / name).read_text() for name in ("alarms.tf", "service.tf")]
    text = "\n".join(line for line in "\n".join(files).splitlines() if "AWS/" not in line)
    named = set(re.findall(r'\b(?:name|part|whole|metric_name) += "([A-Z]\w+)"', text)) - NOT_OURS
    assert len(named) >= 9 and named <= set(TOLD), named - set(TOLD)
    assert f'namespace = "{NAMESPACE}"' in text and terraform_settings()["EMF"] == '"true"'


def test_one_number_of_calls_stands_in_every_place() -> None:
    [metric] = manifests()["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "offhook_calls_live"
    calls = int(metric["pods"]["target"]["averageValue"])
    assert number(r'variable "calls_a_task" \{[^}]*?default\s+= (\d+)', DEPLOY / "aws/variables.tf") == calls
    most = int(variables(KUBERNETES / "settings.env")["MAX_CALLS"])
    assert calls < most == number(r"max_calls\s+= (\d+)", DEPLOY / "aws/service.tf")
    assert f"**{calls} calls**" in (DEPLOY / "CAPACITY.md").read_text()


# --- by the programs they are for -------------------------------------------------------------------------------------


def run(*words: str | Path, env: dict[str, str] | None = None, cwd: Path = REPOSITORY) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def needs(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{program} is not on this machine: make deploy-tools fetches what it can"
    return found


@pytest.mark.slow
def test_compose_accepts_its_file(tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "deploy/env.example"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    shutil.copy(DEPLOY / "env.example", tmp_path / ".env")
    told = run(needs("docker-compose"), "config", env={"GRAFANA_PASSWORD": "of a test"}, cwd=tmp_path)
    offhook = yaml.safe_load(told)["services"]["offhook"]
    assert offhook["environment"]["REDIS_URL"].startswith("redis://redis:") and offhook["read_only"]
    missing = subprocess.run(["docker-compose", "config", "-q"], cwd=tmp_path, capture_output=True, text=True)
    assert missing.returncode != 0 and "GRAFANA_PASSWORD" in missing.stderr


@pytest.mark.slow
def test_kubernetes_accepts_what_kustomize_makes_of_its_files(tmp_path: Path) -> None:
    made = tmp_path / "all.yaml"
    made.write_text(run(needs("kubectl"), "kustomize", KUBERNETES))
    validate = TOOLS / "kubernetes/bin/kubernetes-validate"
    assert validate.exists(), f"{validate} is missing: make deploy-tools"
    kinds = [document["kind"] for document in yaml.safe_load_all(made.read_text())]
    assert run(validate, "--strict", made).count("passed") == len(kinds) >= 9
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(made.read_text().replace("readOnlyRootFilesystem", "readonlyRootFilesystem"))
    assert subprocess.run([validate, "--strict", wrong], capture_output=True).returncode != 0


@pytest.mark.slow
def test_systemd_accepts_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    unit = tmp_path / "offhook.service"
    text = (DEPLOY / "systemd/offhook.service").read_text()
    unit.write_text(text.replace("/opt/offhook/.venv/bin/offhook", "/bin/true"))  # it wants the program to be there
    analyze = needs("systemd-analyze")
    assert run(analyze, "verify", unit) == ""
    closed = run(analyze, "security", "--offline=true", "--threshold=20", "--json=short", unit)
    assert json.loads(closed[closed.index("[") : closed.rindex("]") + 1])
