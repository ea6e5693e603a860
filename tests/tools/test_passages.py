"""Documents in passages."""

import pytest

from app.tools.passages import MOST_WORDS, read_passages

DOCUMENT = """# Repairs

Before any heading of its own.

## Brakes <!-- for staff: ask Ann -->

We change **brake pads** in a [stand](https://example.com/stand).
It takes `twenty` minutes.

- Rim brakes: ten dollars
- Disc brakes: twelve dollars

### Discs

| disc | price |
|------|-------|
| small | nine dollars |

## Wheels

We true wheels.
"""


def test_a_passage_knows_the_headings_above_it() -> None:
    passages = read_passages(DOCUMENT, "tools/knowledge/repairs.md")
    assert [passage.source for passage in passages] == [
        "Repairs",
        "Repairs: Brakes",
        "Repairs: Brakes: Discs",
        "Repairs: Wheels",
    ]


def test_the_signs_of_markdown_are_not_read_aloud() -> None:
    brakes, discs = (passage.text for passage in read_passages(DOCUMENT, "a.md")[1:3])
    assert brakes.startswith("We change brake pads in a stand. It takes twenty minutes.")
    assert "Rim brakes: ten dollars" in brakes and not set(brakes) & set("*`[]#<")
    assert "small, nine dollars" in discs and "|" not in discs and "--" not in discs


def test_in_a_text_file_nothing_is_a_sign() -> None:
    [passage] = read_passages("# 1 in the shop\nAsk *twice*.", "tools/knowledge/house_rules.txt")
    assert (passage.source, passage.text) == ("house rules", "# 1 in the shop Ask *twice*.")


@pytest.mark.parametrize("sentences", [1, 9, 10, 11, 23, 60])
def test_a_long_section_is_cut_between_sentences_into_like_parts(sentences: int) -> None:
    text = " ".join(f"Number {n} of these sentences has some twelve words in it, about." for n in range(sentences))
    parts = [passage.text for passage in read_passages(text, "a.md")]
    assert " ".join(parts) == text
    lengths = [len(part.split()) for part in parts]
    assert all(part.endswith(".") for part in parts) and max(lengths) <= MOST_WORDS
    assert max(lengths) - min(lengths) <= 40


@pytest.mark.parametrize("text", ["", "\n\n", "# Only a heading", "<!-- nothing -->", "---"])
def test_what_says_nothing_is_no_passage(text: str) -> None:
    assert read_passages(text, "a.md") == []
