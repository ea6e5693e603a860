"""What every session is told of the call besides its words: little, plain, and nothing secret."""

import json

from hypothesis import given
from hypothesis import strategies as st

from app.call import commands as c
from app.call import events as e
from app.call.digest import MOST_BYTES, Digest, Fact
from app.call.events import Outcome
from app.call.machine import Call
from app.call.onward import OnwardResult
from app.call.setup import Collection, Keypad, Phrase
from tests.call.stage import Stage, setup, tone


def test_an_empty_digest_says_nothing() -> None:
    assert Digest().text() == ""


def test_it_tells_what_was_entered_answered_promised_and_tried() -> None:
    digest = Digest()
    digest.entered("order", {"digits": "4711"})
    digest.answered("find_order", '{"id":"4711"}', Outcome.OK, '{"status":\n "sent"}')
    digest.promised("somebody calls back", {"about": "a wheel"})
    digest.tried("putting the caller through to workshop", OnwardResult.BUSY)
    assert digest.text("es-US").splitlines() == [
        "(What this call knows so far:",
        "- The call is held in es-US now.",
        "- The caller has entered order on the keypad: 4711",
        '- The tool find_order {"id":"4711"} answered: {"status": "sent"}',
        '- Promised, somebody calls back: {"about": "a wheel"}',
        "- Tried, putting the caller through to workshop: busy)",
    ]


def test_the_latest_of_each_counts() -> None:
    digest = Digest()
    digest.entered("order", {"digits": "4711"})
    digest.entered("order", {"error": "cancelled"})
    digest.entered("order", {"digits": "4712"})
    assert digest.text().count("order") == 1 and "4712" in digest.text()


def test_of_a_secret_it_knows_the_token_and_how_to_name_it_only() -> None:
    digest = Digest()
    digest.entered("card", {"token": "secret_card_1", "digits": 16})
    assert "secret_card_1" in digest.text() and "16" not in digest.text()


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=600)), max_size=60), st.text(max_size=30))
def test_it_never_takes_more_than_its_room_and_what_was_entered_has_it_first(
    answers: list[tuple[str, str]], digits: str
) -> None:
    digest = Digest()
    digest.entered("order", {"digits": "4711"})
    for tool, result in answers[:30]:
        digest.answered(tool, "{}", Outcome.OK, result)
    text = digest.text("es-US")
    assert len(text.encode("utf-8", "replace")) <= MOST_BYTES
    assert "4711" in text


def test_the_next_session_knows_it_and_so_does_another_process() -> None:
    house = setup(
        {"greeting": Phrase("greeting", "Hello.", tone(1, 300)), "ask": Phrase("ask", "Enter it.", tone(2, 300))},
        keypad=Keypad(collections={"order": Collection("order", "ask", 4, 4, terminator="")}),
    )
    stage = Stage(Call(house), line=False)
    stage.attach_leg()
    stage.run(1_000)
    stage.tell(e.ToolCalled(1, "t1", "collect_digits", '{"what":"order"}'))
    stage.run(2_000)
    for key in "4711":
        stage.tell(e.KeyPressed(stage.leg, key))
    stage.tell(e.ToolCalled(1, "t2", "find_order", '{"id":"4711"}'))
    stage.tell(e.ToolAnswered("t2", "find_order", '{"status":"sent"}', Outcome.OK, 5))
    kept = json.loads(json.dumps(stage.call.snapshot()))
    stage.tell(e.SessionFailed(1, e.Failure.LOST))
    other = Stage(Call.resume(house, kept, 5_000, "moved"), line=False)
    other.now = 5_000
    other.attach_leg()
    other.run(9_000)
    for heard in (stage, other):
        begun = [command for command in heard.commands() if isinstance(command, c.AttachSession)][-1]
        first = begun.history[0]
        assert first.role == "user" and first.text.startswith("Facts.")
        assert "order on the keypad: 4711" in first.text and '{"status":"sent"}' in first.text


def test_facts_of_a_snapshot_come_back_as_they_were() -> None:
    fact = Fact("tool", "find_order", "{}")
    assert Fact.of(fact.document()) == fact
