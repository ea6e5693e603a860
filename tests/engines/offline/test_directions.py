"""What the offline engine says to each text that a call writes to its model, and to the answers of its tools."""

import json

import pytest

from app.call import keypad, texts, transfer
from app.engines.engine import ToolSpec
from app.engines.offline.directions import spoken
from app.engines.offline.roles import roles_of
from app.engines.offline.understand import Intention, Reply, State, Understanding, Use
from app.tools.house import Offer, house_tools
from tests.engines.offline.desks import LOOK_UP_ORDER, SHOP_PROMPT, SHOP_TOOLS

OFFER = Offer(
    targets={"garage": "the mechanics, for whoever asks for a person", "till": "to pay a bill"},
    collections={"order_number": "the number of an order"},
    languages={"en-US": "English", "es-US": "Spanish"},
    messages=True,
)
HOUSE = [ToolSpec(tool.name, tool.description, tool.schema) for tool in house_tools(OFFER)]
DESK = Understanding(SHOP_PROMPT, [*HOUSE, LOOK_UP_ORDER])
OR_BACK = "Shall I take a message or note a call-back?"
HELP = "How can I help you?"


def after(text: str, state: State | None = None) -> Intention:
    return DESK.follow(text, state or State())[0]


def said(utterance: str, state: State | None = None) -> Intention:
    return DESK.answer(utterance, state or State())[0]


def test_the_tools_of_the_house_are_known_by_what_they_say_of_themselves() -> None:
    roles = roles_of([*HOUSE, LOOK_UP_ORDER])
    parts = (roles.ending, roles.person, roles.message, roles.call_back, roles.keypad, roles.tongue)
    assert [part.name for part in parts if part is not None] == [
        "end_call",
        "transfer_call",
        "take_message",
        "request_call_back",
        "collect_digits",
        "switch_language",
    ]
    assert [tool.name for tool in roles.ordinary] == ["look_up_order"]
    assert [tool.name for tool in roles_of(SHOP_TOOLS).ordinary] == ["look_up_order"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (texts.STILL_THERE, "Are you still there?"),
        (texts.SAY_GOODBYE, "Thank you for calling. Goodbye."),
        (texts.MESSAGE_TAKEN, "Is there anything else I can do for you?"),
        (texts.NO_MESSAGE, HELP),
        (texts.NOTHING_CHOSEN, HELP),
        (texts.NOBODY_THERE, HELP),
        (texts.BACK_AGAIN, HELP),
        (texts.say_for_us("We are open."), "We are open."),
        (texts.go_on_after("We are open."), "Is there anything else I can do for you?"),
        (texts.closed("till", messages=True), OR_BACK),
        (texts.closed("till", messages=False), HELP),
        (texts.nobody_took_it("garage", "no_answer", messages=True), OR_BACK),
        (texts.never_mind("garage"), HELP),
        (texts.ring_lost("garage"), "Shall I try again?"),
        (texts.result_came_late("look_up_order", '{"summary": "It is ready."}'), "It is ready."),
        (texts.result_lost("look_up_order"), "I have no answer to that yet. Please ask me again."),
    ],
)
def test_what_we_write_to_the_model_becomes_what_the_caller_hears(text: str, words: str) -> None:
    answer = after(text)
    assert isinstance(answer, Reply)
    assert " ".join(answer.sentences) == words


@pytest.mark.parametrize("why", keypad.ADVICE)
def test_secrets_are_never_asked_for_aloud_and_advice_is_never_read_out(why: str) -> None:
    words = " ".join(spoken(keypad.ADVICE[why]))
    assert "the caller" not in words.lower()
    assert "Never" not in words
    assert why != "not_guarded" or "say" not in words.lower()


def test_nothing_is_said_where_a_tool_wants_silence() -> None:
    for result in (transfer.UNDER_WAY, transfer.RECORDING):
        assert DESK.tell("transfer_call", json.loads(result), State())[0] is None
    assert DESK.tell("request_call_back", json.loads(transfer.NOTED), State())[0] == Reply(
        ("Somebody will call back.",)
    )


def test_a_number_is_keyed_in_and_the_tool_that_wanted_it_gets_it() -> None:
    asked, state = DESK.answer("what about my order", State())
    assert asked == Use("collect_digits", {"what": "order_number"})
    assert DESK.tell("collect_digits", {"digits": "4712"}, state)[0] == Use("look_up_order", {"number": "4712"})
    assert DESK.tell("collect_digits", {"token": "<1>", "digits": 4}, state)[0] == Use(
        "look_up_order", {"number": "<1>"}
    )
    assert DESK.answer("four seven one two", state)[0] == Use("look_up_order", {"number": "4712"})


def test_digits_that_nobody_here_asked_for_are_used_all_the_same() -> None:
    by_a_menu = texts.entered("order_number", '{"digits": "4712"}')
    assert after(by_a_menu) == Use("look_up_order", {"number": "4712"})
    unasked = "(The caller pressed these keys on the telephone: 4 7 1 2 #)"
    assert after(unasked) == Use("look_up_order", {"number": "4712"})


def test_whoever_is_meant_is_chosen_by_name_or_by_what_they_are_there_for() -> None:
    for utterance, target in (
        ("i want to talk to a mechanic", "garage"),
        ("put me through to the till", "till"),
        ("can i talk to a real person", "garage"),
    ):
        use = said(utterance, State(asked_before=("What about my bike?",)))
        assert isinstance(use, Use)
        assert (use.tool, use.arguments["target"]) == ("transfer_call", target)
        assert "What about my bike?" in use.arguments["summary"]


def test_an_offer_may_be_taken_declined_or_answered_in_other_words() -> None:
    _, state = DESK.follow(texts.nobody_took_it("garage", "busy", messages=True), State())
    assert said("yes please", state) == Use("take_message", {})
    assert said("no", state) == Reply(("Is there anything else I can do for you?",))
    assert said("please call me back", state) == Use(
        "request_call_back", {"about": "The caller said: please call me back."}
    )
    recalled = DESK.recall([("ASSISTANT", OR_BACK)])
    assert said("yes", recalled) == Use("take_message", {})


def test_another_language_is_asked_for_by_its_name() -> None:
    assert said("can we speak spanish") == Use("switch_language", {"language": "es-US"})


def test_what_was_said_before_this_session_is_said_again() -> None:
    state = DESK.recall([("USER", "When do you open?"), ("ASSISTANT", "We open at ten.")])
    assert said("could you say that again please", state) == Reply(("We open at ten.",))
