"""Documents as staff write them, cut into passages short enough to speak from. Pure.

A passage never crosses a heading, for a heading says what the text below it is about; a long section is cut between
sentences into parts of much the same length.

A megabyte that somebody pasted in is read while calls are live, and a regular expression lets no other thread run: none
here may look at a character more often than a few times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

type Section = tuple[tuple[str, ...], str]  # headings and what stands below them

MOST_WORDS = 120  # of a passage: about forty seconds of speech
HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[^\s\d a-z])|\n")


@dataclass(frozen=True, slots=True)
class Passage:
    """`headings` from the document's title down to the section's own; empty above the first."""

    file: str
    headings: tuple[str, ...]
    text: str

    @property
    def source(self) -> str:
        """Where it stands, as staff would say it."""
        return ": ".join(self.headings) or PurePosixPath(self.file).stem.replace("_", " ").replace("-", " ")


def read_passages(text: str, file: str) -> list[Passage]:
    """The passages of one document, in order. Markdown's signs are left out; in a `.txt` file nothing is a sign."""
    plain = file.endswith(".txt")
    whole: Iterator[Section] = iter([((), text)])
    sections = whole if plain else _sections(_without_comments(text))
    return [Passage(file, headings, part) for headings, body in sections for part in _parts(body)]


def _without_comments(text: str) -> str:
    kept, _, rest = text.partition("<!--")
    parts = [kept]
    while rest:
        comment, closed, after = rest.partition("-->")
        if not closed:  # to be read as it stands
            return "".join([*parts, "<!--", comment])
        kept, _, rest = after.partition("<!--")
        parts.append(kept)
    return "".join(parts)


def _sections(text: str) -> Iterator[Section]:
    open_headings: dict[int, str] = {}
    body: list[str] = []
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading is None:
            body.append(_plain(line))
            continue
        yield tuple(open_headings.values()), "\n".join(body)
        body = []
        depth = len(heading[1])
        open_headings = {level: words for level, words in open_headings.items() if level < depth}
        open_headings[depth] = _plain(heading[2].rstrip().rstrip("#").rstrip())
    yield tuple(open_headings.values()), "\n".join(body)


def _plain(line: str) -> str:
    """A line of Markdown as it is read aloud."""
    line = re.sub(r"^\s*(?:[-*+]|\d+[.)]|>+)\s+", "", line)
    line = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", line)
    if re.fullmatch(r"[\s|:=_*-]*", line):  # a rule, or the line below a table's head
        return ""
    line = ", ".join(cell.strip() for cell in line.strip().strip("|").split("|"))
    return re.sub(r"\*\*|__|`|(?<!\w)[*_]|[*_](?!\w)", "", line)


def _parts(body: str) -> Iterator[str]:
    """The body in pieces of at most `MOST_WORDS`, all much alike in length, unless a sentence is longer."""
    sentences = [s for paragraph in re.split(r"\n\s*\n", body) for s in _sentences(paragraph)]
    words = sum(len(sentence.split()) for sentence in sentences)
    aim = words / max(1, -(-words // MOST_WORDS))
    part: list[str] = []
    length = 0
    for sentence in sentences:
        more = len(sentence.split())
        if part and (length + more > MOST_WORDS or length + more / 2 > aim):
            yield " ".join(part)
            part, length = [], 0
        part.append(sentence)
        length += more
    if part:
        yield " ".join(part)


def _sentences(paragraph: str) -> list[str]:
    lines = re.sub(r"(?<![.!?…:,;])\n", " ", paragraph)
    return [" ".join(piece.split()) for piece in SENTENCE_END.split(lines) if piece.strip()]
