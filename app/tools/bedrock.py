"""A knowledge base on Amazon Bedrock as a tool.

    kind: bedrock
    name: search_manuals
    description: Search the manufacturers' manuals.
    knowledge_base: ABCDEFGHIJ
    region: us-east-1
    results: 2
    least_score: 0.5

Credentials come by boto3's own chain, another endpoint by `AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME`. boto3 is
synchronous and heavy: it is imported at the first question, and every question is asked in a thread. What a passage
says is data: it reaches the model only inside the JSON of a tool's result.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.content.page import Page, validated
from app.tools.contract import Context, Declaration, ToolFailed
from app.tools.http_page import LONGEST_WAIT_S
from app.tools.knowledge import Question, Text, told
from app.tools.schema import flat_schema
from app.tools.threads import in_a_thread
from app.tools.tool import checked

CONNECT_S = 2.0
MOST_CHARACTERS = 1_200  # of a passage: a knowledge base cuts its documents by tokens, not for the ear

type Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z]{1,10}$")]
type Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]


class BedrockPage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["bedrock"]
    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$")]
    description: Text
    knowledge_base: Id
    region: Region
    results: int = Field(default=2, ge=1, le=3)
    least_score: float = Field(default=0.4, ge=0, le=1)
    time_limit_s: float = Field(default=6.0, ge=1, le=LONGEST_WAIT_S)
    at_once: int = Field(default=8, ge=1, le=64)


class Retriever:
    """boto3's client for one region, made when it is first needed and then shared: clients are safe in threads, their
    making is not."""

    def __init__(self, region: str, limit_s: float) -> None:
        self._region = region
        self._limit_s = limit_s
        self._making = threading.Lock()
        self._client: Any = None

    def retrieve(self, knowledge_base: str, question: str, results: int) -> list[dict[str, Any]]:
        """Blocks. Raises `ToolFailed`, which names the service's own code and nothing that was asked."""
        client = self._made()
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = client.retrieve(
                knowledgeBaseId=knowledge_base,
                retrievalQuery={"text": question},
                retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": results}},
            )
        except ClientError as error:
            raise ToolFailed(f"Bedrock says {error.response.get('Error', {}).get('Code', 'no')}") from None
        except BotoCoreError as error:
            raise ToolFailed(f"Bedrock was not asked, or did not answer: {type(error).__name__}") from None
        if not isinstance(found := answer.get("retrievalResults"), list):
            raise ToolFailed("Bedrock's answer holds no results")
        return found

    def _made(self) -> Any:
        with self._making:
            if self._client is None:
                import boto3
                from botocore.config import Config

                # A caller waits: one attempt, and the host's breaker instead of retries.
                limits = Config(
                    connect_timeout=min(CONNECT_S, self._limit_s),
                    read_timeout=self._limit_s,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                )
                session = boto3.Session(region_name=self._region)
                self._client = session.client("bedrock-agent-runtime", config=limits)
            return self._client


@dataclass(frozen=True, slots=True)
class BedrockTool:
    declaration: Declaration
    source: str
    page: BedrockPage
    retriever: Retriever = field(repr=False)
    effects: bool = False

    @property
    def time_limit_s(self) -> float:
        return self.page.time_limit_s

    @property
    def at_once(self) -> int:
        return self.page.at_once

    def check(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        return checked(Question, sent)

    async def call(self, given: Mapping[str, Any], context: Context) -> Any:
        question, page = str(given["question"]), self.page
        results = await in_a_thread(
            lambda: self.retriever.retrieve(page.knowledge_base, question, page.results), page.name, context
        )
        return told([passage_of(one) for one in results if self._near(one)])

    def _near(self, result: Mapping[str, Any]) -> bool:
        text = (result.get("content") or {}).get("text")
        return bool(text) and float(result.get("score") or 0.0) >= self.page.least_score


def passage_of(result: Mapping[str, Any]) -> tuple[str, str]:
    """Source and text of one result: the name of its file, wherever that is kept."""
    location = result.get("location") or {}
    places = [part for part in location.values() if isinstance(part, Mapping)]
    address = next((str(place[key]) for place in places for key in ("uri", "url", "id") if place.get(key)), "")
    text = " ".join(str(result["content"]["text"]).split())
    if len(text) > MOST_CHARACTERS:
        text = text[:MOST_CHARACTERS].rpartition(" ")[0] + " ..."
    return address.rstrip("/").rpartition("/")[2] or "knowledge base", text


def read_bedrock(page: Page) -> BedrockTool:
    """Raises `ContentError`."""
    found = validated(BedrockPage, page)
    declaration = Declaration(found.name, found.description, flat_schema(Question.model_json_schema(), found.name))
    return BedrockTool(declaration, page.file, found, Retriever(found.region, found.time_limit_s))
