"""Staff's documents as a tool: the model asks a question and is given the passages that answer it.

A document is data. What stands in it reaches the model only inside the JSON of a tool's result, never as an
instruction, whatever it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.content.faults import ContentError, Fault
from app.content.page import Page, validated
from app.tools.contract import Context, Declaration
from app.tools.passages import Passage, read_passages
from app.tools.schema import flat_schema
from app.tools.search import Found, Index
from app.tools.threads import in_a_thread
from app.tools.tool import LENIENT, checked

DOCUMENTS = "tools/knowledge"
KNOWLEDGE = "tools/knowledge.yaml"  # the page that says how they are searched
KINDS = (".md", ".txt")
NOTHING = "The documents do not say. Tell the caller that you do not know, and offer that a person calls back."
MOST_PASSAGES = 2_000  # of all documents together: ten hours of reading aloud
WORTH = 0.6  # of the best one's score: a passage below only distracts

type Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Question(BaseModel):
    """What a tool that searches is asked."""

    model_config = LENIENT

    question: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] = Field(
        description="what the caller wants to know, as one short question in the language of the documents"
    )


class KnowledgePage(BaseModel):
    """`tools/knowledge.yaml`. `meaning` says for a caller's words how the documents put it, besides the words
    themselves. `near` is the least share of a question that a passage must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["knowledge"] = "knowledge"
    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$")] = "search_knowledge"
    description: Text = (
        "Search the documents of this business. Use it for every question that your facts do not answer. "
        "Answer from what it finds, in one or two sentences, and never from anything else."
    )
    passages: int = Field(default=2, ge=1, le=3)
    near: float = Field(default=0.17, ge=0, le=1)
    meaning: dict[str, Text] = {}


@dataclass(frozen=True, slots=True)
class KnowledgeTool:
    declaration: Declaration
    source: str
    page: KnowledgePage
    index: Index = field(repr=False)
    effects: bool = False
    time_limit_s: float = 3.0
    at_once: int = 8

    def check(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        return checked(Question, sent)

    async def call(self, given: Mapping[str, Any], context: Context) -> Any:
        question = str(given["question"])
        found = await in_a_thread(lambda: self.found(question), self.declaration.name, context)
        return told([(one.passage.source, one.passage.text) for one in found])

    def found(self, question: str) -> list[Found]:
        """The passages that are near enough, best first."""
        near = [one for one in self.index.search(question, self.page.passages) if one.near >= self.page.near]
        return [one for one in near if one.score >= WORTH * near[0].score]


def told(passages: list[tuple[str, str]]) -> dict[str, Any]:
    """Passages as (source, text), as the model is told of them; the same for every kind of knowledge."""
    if not passages:
        return {"found": False, "summary": NOTHING}
    return {"found": True, "passages": [{"source": source, "text": text} for source, text in passages]}


def is_document(file: str) -> bool:
    return file.startswith(f"{DOCUMENTS}/") and file.endswith(KINDS)


def read_knowledge(page: Page | None, documents: Mapping[str, str]) -> KnowledgeTool:
    """The tool over these documents, by file; without a page, as one would mostly want it. Raises `ContentError`."""
    settings = KnowledgePage() if page is None else validated(KnowledgePage, page)
    passages: list[Passage] = []
    for file, text in sorted(documents.items()):
        passages += read_passages(text, file)
    if not passages:
        where = page.file if page is not None else DOCUMENTS
        raise ContentError([Fault(where, 0, "", "there is no document to search", f"Write one in {DOCUMENTS}/")])
    if len(passages) > MOST_PASSAGES:
        problem = (
            f"the documents have {len(passages)} passages, and {MOST_PASSAGES} are the most that are searched here"
        )
        raise ContentError([Fault(DOCUMENTS, 0, "", problem, "Keep what callers ask for, or use a knowledge base")])
    schema = flat_schema(Question.model_json_schema(), settings.name)
    declaration = Declaration(settings.name, settings.description, schema)
    source = DOCUMENTS if page is None else page.file
    return KnowledgeTool(declaration, source, settings, Index(passages, settings.meaning))
