"""Agents, phrases and tools of one moment, checked together."""

import shutil
from pathlib import Path

import pytest

from app.content.faults import ContentError
from app.edition import edition_of, load_edition
from app.prompts.check import warnings
from app.settings import REPOSITORY

PARCELS = Path(__file__).parent / "whole" / "content"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A business of its own, to be changed."""
    return Path(shutil.copytree(PARCELS, tmp_path / "content", ignore=shutil.ignore_patterns("__pycache__")))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_house_s_own_content_is_an_edition() -> None:
    edition = load_edition(REPOSITORY)
    assert edition.prompts.routes.default.agent in edition.prompts.agents
    assert "find_order" in edition.toolbox.tools and "greeting" in edition.catalogue.phrases


def test_another_business_is_another_edition(desk: Path) -> None:
    parcels = load_edition(desk)
    assert parcels.prompts.routes.way("+15550100", 0).agent == "desk"
    assert parcels.hash != load_edition(REPOSITORY).hash


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("prompts/desk.md", "one short sentence", "two short sentences"),
        ("prompts/facts.yaml", "Harbour", "Pier"),
        ("prompts/routes.yaml", "default: desk", "default: desk\nnumbers: {}"),
        ("tools/parcels.py", "on the pier", "on the ship"),
        ("cache/phrases/desk.yaml", "One moment.", "Just a moment."),
    ],
)
def test_a_change_of_any_file_makes_another_edition(desk: Path, file: str, old: str, new: str) -> None:
    before = load_edition(desk)
    assert load_edition(desk).hash == before.hash
    edit(desk / file, old, new)
    assert load_edition(desk).hash != before.hash


def test_a_tool_nobody_wrote_and_a_greeting_nobody_worded_are_faults_with_a_place(desk: Path) -> None:
    edit(desk / "prompts" / "desk.md", "- find_parcel", "- find_parsel")
    edit(desk / "prompts" / "desk.md", "language: en-US", "language: en-US\ngreeting: good_day")
    with pytest.raises(ContentError) as wrong:
        load_edition(desk)
    said = str(wrong.value)
    assert "find_parsel" in said and "good_day" in said
    assert all(fault.file.endswith("desk.md") and fault.line for fault in wrong.value.faults)


def test_another_business_is_an_edition_of_its_own() -> None:
    practice = load_edition(REPOSITORY / "tests/content_dental")
    assert list(practice.prompts.agents) == ["reception"]
    assert set(practice.prompts.transfers) == {"surgery"}
    assert {(narrator.voice, narrator.language) for narrator in practice.narrators} == {
        ("tiffany", "en-US"),
        ("carlos", "es-US"),
    }
    assert warnings(practice.prompts, practice.house, at_ms=0) == []
    match = practice.matcher.match("what time do you close")
    assert match is not None
    assert match.phrase == "hours"


def test_the_shipped_business_says_everything_in_both_its_languages() -> None:
    shop = load_edition(REPOSITORY)
    assert warnings(shop.prompts, shop.house, at_ms=0) == []
    assert shop.catalogue.wordings("en-US").keys() == shop.catalogue.wordings("es-US").keys()
    spanish = shop.prompts.routes.way("+15550111", 0)
    assert (spanish.agent, spanish.language) == ("front-desk", "es-US")


def test_documents_belong_to_the_edition(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "prompts", tmp_path / "prompts")
    shutil.copytree(REPOSITORY / "cache" / "phrases", tmp_path / "cache" / "phrases")
    shutil.copytree(REPOSITORY / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    before = load_edition(tmp_path)
    file = tmp_path / "tools" / "knowledge" / "winter.md"
    file.write_text(file.read_text().replace("forty places", "fifty places"))
    after = load_edition(tmp_path, before.toolbox.code)
    assert before.hash != after.hash and "tools/knowledge/winter.md" in after.texts
    assert edition_of(after.texts, after.toolbox.code).hash == after.hash
