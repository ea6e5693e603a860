"""deploy/RUNBOOK.md has a section for every alarm, and none too many; its commands and metrics are real."""

import re
from pathlib import Path

import yaml

from tests.page import Box, boxes

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGE = (DEPLOY / "RUNBOOK.md").read_text()
HEADING = re.compile(r"^### (\w*) ?(?:\(([\w-]+)\))?$", re.M)


def sections() -> dict[tuple[str, str], str]:
    """The text of each alarm's section, by its names in Prometheus and in CloudWatch ("" where it has none)."""
    alarms = PAGE[PAGE.index("\n## Alarms\n") : PAGE.index("\n## Tasks\n")]
    parts = re.split(r"^(?=### )", alarms, flags=re.M)[1:]
    found = {}
    for part in parts:
        match = HEADING.match(part)
        assert match is not None, part.splitlines()[0]
        found[match[1], match[2] or ""] = part
    return found


def rules() -> dict[str, str]:
    """Alerts of Prometheus and their severities."""
    groups = yaml.safe_load((DEPLOY / "prometheus/offhook.rules.yml").read_text())["groups"]
    return {rule["alert"]: rule["labels"]["severity"] for group in groups for rule in group["rules"]}


def cloudwatch() -> set[str]:
    """Alarms of Terraform, without the deployment's name before theirs."""
    text = (DEPLOY / "aws/alarms.tf").read_text()
    alone = set(re.findall(r'alarm_name\s+= "\$\{var\.name\}-([\w-]+)"', text))
    of_a_map = set(re.findall(r"^    ([\w-]+) += \{(?:$| what )", text, re.M))
    assert alone and of_a_map
    return alone | of_a_map


def test_every_alarm_has_its_section_and_no_section_lacks_an_alarm() -> None:
    of_rules, of_cloud = zip(*sections(), strict=True)
    assert sorted(filter(None, of_rules)) == sorted(rules())
    assert sorted(filter(None, of_cloud)) == sorted(cloudwatch())


def test_each_section_says_what_callers_feel_how_bad_it_is_and_what_to_type_first() -> None:
    for (rule, alarm), text in sections().items():
        commands = [box for box in boxes(text) if box.kind == "sh"]
        assert [len(box.lines) for box in commands] == [3], f"{rule or alarm}: three commands"
        assert "**Callers**" in text and "**Likely:**" in text, rule or alarm
        assert re.search("roll.back", text, re.I), f"{rule or alarm}: when to roll back"
        assert not rule or f"everity {rules()[rule]}" in text, f"{rule}: its severity"


def test_the_commands_of_a_box_stand_alone() -> None:
    """Whoever is woken at night copies a line: nothing in it is to be put in first, except a call's own id."""
    for box in boxes(PAGE):
        assert isinstance(box, Box) and box.kind == "sh"
        assert not [line for line in box.lines if "..." in line or "<" in line]
