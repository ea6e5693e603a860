"""The folder `prompts/`: agents, facts and routes together."""

import shutil
from pathlib import Path

import pytest

from app.cache.catalogue import load_catalogue
from app.content.faults import ContentError, Fault
from app.prompts.check import House, faults
from app.prompts.library import Prompts, load_prompts
from app.tools.house import NAMES
from app.tools.library import load_tools

REPOSITORY = Path(__file__).parents[2]

FACTS = "business:\n  name: Dr. Molar\n  time_zone: Europe/Berlin\nfacts:\n  days: [Monday, Tuesday]\n"
ROUTES = "default: desk\nnumbers:\n  +49301234567: desk\n"
DESK = (
    "---\nvoice: tina\nlanguage: de-DE\ngreeting: hello\ntools:\n  - book\nphrases: [hello, bye]\n---\n"
    "{{ business.name }} works on {{ facts.days }}."
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    write(tmp_path, "desk.md", DESK)
    write(tmp_path, "facts.yaml", FACTS)
    write(tmp_path, "routes.yaml", ROUTES)
    return tmp_path


def write(home: Path, name: str, text: str) -> None:
    (home / "prompts" / name).write_text(text)


def faults_of(home: Path) -> tuple[Fault, ...]:
    with pytest.raises(ContentError) as caught:
        load_prompts(home)
    return caught.value.faults


def test_an_agent_is_named_by_its_file_and_knows_the_facts(home: Path) -> None:
    prompts = load_prompts(home)
    assert prompts.agents["desk"].instructions == "Dr. Molar works on Monday, Tuesday."


def test_a_number_leads_to_its_agent_and_any_other_to_the_default(home: Path) -> None:
    write(home, "night.md", DESK)
    write(home, "routes.yaml", "default: night\nnumbers:\n  +49301234567: desk\n")
    routes = load_prompts(home).routes
    assert routes.way("+49301234567", 0).agent == "desk"
    assert routes.way("+49309991234", 0).agent == "night"


def test_a_route_to_nobody_is_shown_on_its_line(home: Path) -> None:
    write(home, "routes.yaml", ROUTES + "  +49301244567: dask\n")
    (fault,) = faults_of(home)
    assert (fault.file, fault.line, fault.field) == ("prompts/routes.yaml", 4, "numbers.+49301244567")
    assert "desk" in fault.fix


def test_a_time_zone_that_does_not_exist_is_a_fault(home: Path) -> None:
    write(home, "facts.yaml", FACTS.replace("Berlin", "Bearlin"))
    (fault,) = faults_of(home)
    assert (fault.file, fault.line) == ("prompts/facts.yaml", 1)
    assert "America/New_York" in fault.fix


@pytest.mark.parametrize("name", ["facts.yaml", "routes.yaml"])
def test_a_file_that_is_missing_is_named(home: Path, name: str) -> None:
    (home / "prompts" / name).unlink()
    assert [fault.file for fault in faults_of(home)] == [f"prompts/{name}"]


def test_a_folder_without_agents_is_a_fault(home: Path) -> None:
    (home / "prompts" / "desk.md").unlink()
    assert faults_of(home)[0].problem == "has no agent"


def test_faults_of_several_files_come_together(home: Path) -> None:
    write(home, "desk.md", DESK + "{{ facts.nothing }}")
    write(home, "routes.yaml", "default: nobody\n")
    assert [fault.file for fault in faults_of(home)] == ["prompts/desk.md", "prompts/routes.yaml"]


def test_tools_and_phrases_nobody_has_are_shown_on_their_lines(home: Path) -> None:
    found = faults(load_prompts(home), House({"find"}, {"bye"}, lambda language: {"bye"}))
    assert [(fault.line, fault.field) for fault in found] == [(4, "greeting"), (6, "tools.0"), (7, "phrases.0")]
    assert found[1].fix == "There are: find"
    assert faults(load_prompts(home), House({"book"}, {"hello", "bye"}, lambda language: {"hello"})) == []


def test_all_that_was_read_is_kept_by_file(home: Path) -> None:
    sources = load_prompts(home).sources
    assert sources == {"prompts/desk.md": DESK, "prompts/facts.yaml": FACTS, "prompts/routes.yaml": ROUTES}


def house_of(content: Path) -> House:
    catalogue = load_catalogue(content)
    return House(load_tools(content).tools.keys() | NAMES, catalogue.phrases, catalogue.wordings)


@pytest.fixture(scope="module")
def shipped() -> Prompts:
    return load_prompts(REPOSITORY)


def test_the_shipped_business_is_whole(shipped: Prompts) -> None:
    assert faults(shipped, house_of(REPOSITORY)) == []
    assert shipped.routes.way("+15550100", 0).agent == "front-desk"


def test_the_shipped_agent_says_its_hours_in_plain_sentences(shipped: Prompts) -> None:
    instructions = shipped.agents["front-desk"].instructions
    assert "On Sunday we are closed." in instructions
    assert "{{" not in instructions


def test_a_copy_of_the_shipped_business_loads_from_anywhere(tmp_path: Path) -> None:
    for folder in ("prompts", "tools", "cache/phrases"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    assert faults(load_prompts(tmp_path), house_of(tmp_path)) == []
