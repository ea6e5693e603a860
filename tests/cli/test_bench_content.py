"""What load callers ask."""

from pathlib import Path

from app.cli.bench_content import askable
from app.edition import load_edition
from app.simulator.load.processes import ROOT
from tests.simulator.load.shop import write_shop


def test_the_shipped_desk_is_asked_what_its_phrases_answer_and_what_none_does() -> None:
    ask, edition = askable(ROOT), load_edition(ROOT)
    assert len(ask.known) >= 6 and 0.7 < ask.share < 0.8
    for text in ask.known:
        match = edition.matcher.match(text)
        assert match is not None and edition.catalogue.phrases[match.phrase].then == "nothing"
    assert ask.unknown and not any(edition.matcher.match(text) for text in ask.unknown)


def test_the_key_is_one_that_plays_a_phrase(tmp_path: Path) -> None:
    ask = askable(write_shop(tmp_path))
    assert (ask.key, ask.known) == ("4", ["When do you open?"])


def test_a_business_without_known_answers_is_asked_nothing(tmp_path: Path) -> None:
    write_shop(tmp_path)
    lines = tmp_path / "cache/phrases/lines.yaml"
    lines.write_text(
        lines.read_text().replace("intents: [hours], ", "").replace(', examples: ["When do you open?"]', "")
    )
    assert askable(tmp_path).known == []
