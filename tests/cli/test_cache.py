"""`offhook cache` as staff use it, on a copy of the shipped content and with the offline voice."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.cache import app
from app.cli.emulated import emulated_sonic

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("prompts", "cache/phrases"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    monkeypatch.setenv("CONTENT_DIR", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "FOREIGN_AUDIO"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_render_then_status_then_nothing_left_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("status").exit_code == 1
    first = run("render", "--json")
    assert first.exit_code == 0
    assert "greeting" in json.loads(first.stdout)["rendered"]
    assert run("status").exit_code == 1  # the offline voice is not the agents'
    monkeypatch.setenv("FOREIGN_AUDIO", "true")
    assert run("status").exit_code == 0
    assert json.loads(run("render", "--json").stdout)["rendered"] == []


def test_without_credentials_it_says_who_reads(home: Path) -> None:
    assert "offline voice reads" in json.loads(run("render", "greeting", "--json").stdout)["notice"]
    assert json.loads(run("render", "greeting", "--engine", "offline", "--json").stdout)["notice"] == ""


def test_status_names_every_phrase_and_its_state(home: Path) -> None:
    run("render", "greeting")
    states = {item["phrase"]: item["state"] for item in json.loads(run("status", "--json").stdout)}
    assert states["greeting"] == "foreign"
    assert states["goodbye"] == "missing"
    assert "foreign" in run("status").stdout


def test_one_voice_alone_can_be_rendered(home: Path) -> None:
    unknown = run("render", "--voice", "nobody")
    assert unknown.exit_code == 2
    assert "no agent speaks with 'nobody'" in unknown.output
    assert json.loads(run("render", "wait", "--voice", "tiffany", "--json").stdout)["rendered"] == ["wait"]


def test_prune_deletes_what_nobody_wants(home: Path) -> None:
    run("render", "wait")
    page = home / "cache" / "phrases" / "house.yaml"
    page.write_text(page.read_text().replace("One moment, please.", "Just a moment."))
    run("render", "wait")
    (gone,) = json.loads(run("prune", "--json").stdout)["deleted"]
    assert not (home / "cache" / "rendered" / gone).exists()
    assert json.loads(run("prune", "--json").stdout)["deleted"] == []
    assert json.loads(run("play", "wait", "--json").stdout)["text"] == "Just a moment."


def test_play_says_where_the_file_is(home: Path) -> None:
    run("render", "wait")
    answer = json.loads(run("play", "wait", "--json").stdout)
    assert Path(answer["file"]).is_file()
    assert answer["ms"] > 500
    assert json.loads(run("play", "wait", "--language", "en-US", "--json").stdout) == answer
    assert run("play", "wait", "--language", "fr-FR").exit_code == 2


def test_play_of_a_phrase_that_is_not_rendered_is_a_finding_and_of_an_unknown_one_a_misuse(home: Path) -> None:
    assert run("play", "wait").exit_code == 1
    assert run("play", "nonsense").exit_code == 2
    assert run("render", "nonsense").exit_code == 2


def test_a_broken_page_is_shown_with_file_line_and_fix(home: Path) -> None:
    page = home / "cache" / "phrases" / "house.yaml"
    page.write_text(page.read_text().replace("kind: wait", "kind: await"))
    broken = run("render")
    assert broken.exit_code == 1
    assert "cache/phrases/house.yaml:" in broken.output
    assert "Choose" in broken.output


def test_the_simulated_model_reads_a_phrase_as_the_real_one_would(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it: a process of its own behind the real SDK, a mind that knows nothing but its prompt."""
    for name in ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "set by the simulator, and taken back after this test")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(home / "ca.pem"))
    with emulated_sonic(home / "ca.pem") as sonic:
        sonic.ready()
        answer = json.loads(run("render", "wait", "--engine", "nova", "--voice", "tiffany", "--json").stdout)
    assert (answer["rendered"], answer["attempts"], answer["notice"]) == (["wait"], [], "")
    shown = json.loads(run("status", "--json").stdout)
    assert [item["state"] for item in shown if item["phrase"] == "wait"] == ["ready", "missing"]  # tiffany's, lupe's
