"""What the pages for people say is there: every path, command, option, setting and metric they name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.page import command_flaw, commands, lines, spans

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "deploy").glob("*.md"))]
OF_SETTINGS = {name.upper() for name in Settings.model_fields}
# Read by others: the SDKs' own, YAML tools' (which name them), compose's, options of commands, and kinds of names.
OF_OTHERS = re.compile(r"(AWS|OTEL|TOOL)_[A-Z_.*]+|GRAFANA_PASSWORD|WORKERS|CALLER_ID|DO_NOT_CALL")
NAME = re.compile(r"(?<![\w/])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?!\w*\.md)\b|(?<![\w.])[A-Z]{4,}(?==)")
ALONE = re.compile(r"[A-Z][A-Z_]{2,}")
NO_SETTINGS = {"GET", "POST", "MEDIUM", "LOW", "HIGH", "SIGTERM", "FINAL"}
PATH = re.compile(r"\.{0,2}[\w*-][\w.*/-]*")
# By a command, by staff or in a cluster, and never committed.
MADE = re.compile(
    r"\.env|\.(?:data|venv)/.*|cache/rendered|demo-call\.wav|.*\.jsonl|tools/mcp\.yaml|DATA_DIR/.*|PUBLIC_URL/.*|deployment/.*"
)
FILE = re.compile(r".*\.(md|ya?ml|py|sh|tf|conf|cfg|service|xml|jsonl?|env|wav|png|lock|toml)")


def paths(text: str) -> Iterator[str]:
    """Code spans, and links, that read like a path of the repository."""
    for span in spans(text):
        for word in span.partition(": ")[0].split():
            if PATH.fullmatch(word) and ("/" in word or FILE.fullmatch(word)) and not MADE.fullmatch(word):
                yield word
    yield from (link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link)


def is_there(path: str, page: Path) -> bool:
    """From the root, from beside the page, or as a folder of staff's."""
    places = (REPOSITORY, page.parent, REPOSITORY / "tools", REPOSITORY / "prompts")
    return any(next(place.glob(path.rstrip("/")), None) is not None for place in places if ".." not in path) or (
        (page.parent / path).exists()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in paths(page.read_text()) if not is_there(path, page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_command_is_one_with_those_options(page: Path) -> None:
    assert [flaw for command in commands(page.read_text()) if (flaw := command_flaw(command))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_setting_is_one(page: Path) -> None:
    text = page.read_text()
    named = {name for piece in [*spans(text), *lines(text)] for name in NAME.findall(piece)}
    named |= {span for span in spans(text) if ALONE.fullmatch(span)}
    strange = {name for name in named - OF_SETTINGS - NO_SETTINGS if not OF_OTHERS.fullmatch(name)}
    assert strange == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_metric_is_measured(page: Path) -> None:
    measured = set(re.findall(r"^\| `(offhook_\w+)`", (REPOSITORY / "deploy/METRICS.md").read_text(), re.M))
    named = {
        re.sub(r"_(sum|count|bucket)$", "", name) for name in re.findall(r"\boffhook_[a-z_]+[a-z]\b", page.read_text())
    }
    assert {name for name in named if not any(one.startswith(name) for one in measured)} == set()


def test_what_is_not_there_is_noticed() -> None:
    assert command_flaw("numbers assign +15550100 --agent front-desk") == ""
    assert "no --agnet" in command_flaw("numbers assign +15550100 --agnet front-desk")
    assert "`repair`" in command_flaw("numbers repair")
    assert "offhook answer" in command_flaw("answer")
    assert list(paths("`deploy/nginx.conf`, `/healthz`, `front-desk.md` and `make test`")) == [
        "deploy/nginx.conf",
        "front-desk.md",
    ]
