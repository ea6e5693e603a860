"""What is answered to what, for two desks. Utterances are as the recogniser gives them, some of them misheard."""

from pathlib import Path

import pytest

from app.engines.offline.understand import Intention, Reply, State, Understanding, Use, transcript
from app.engines.reading import PROMPT as READING_PROMPT
from tests.engines.offline.desks import LIBRARY_PROMPT, LIBRARY_TOOLS, LOOK_UP_ORDER, SHOP_PROMPT, SHOP_TOOLS

SHIPPED = [path.read_text() for path in sorted((Path(__file__).parents[3] / "prompts").glob("*.md"))]
SHOP = Understanding(SHOP_PROMPT, SHOP_TOOLS)
LIBRARY = Understanding(LIBRARY_PROMPT, LIBRARY_TOOLS)
HOURS = "Opening hours: Monday to Friday nine to six, Saturday ten to four, closed on Sunday."


def said(*utterances: str, to: Understanding = SHOP) -> list[Intention]:
    state, answers = State(), []
    for utterance in utterances:
        answer, state = to.answer(utterance, state)
        answers.append(answer)
    return answers


def reply(*utterances: str, to: Understanding = SHOP) -> str:
    answer = said(*utterances, to=to)[-1]
    assert isinstance(answer, Reply), answer
    return " ".join(answer.sentences)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("good morning what are your opening hours", HOURS),
        ("when do you close", HOURS),
        ("do you open on sunday", "Closed on Sunday."),
        ("how late are you open on saturday", "Saturday ten to four."),
        ("are you open on tuesday", "Monday to Friday nine to six."),
        ("where are you", "Address: 12 Mill Lane, next to the station."),
        ("how much does it cost to fix her flat tire", "A flat tyre repair costs 15 euros and takes one hour."),
        ("do you repair electric bikes", "We sell and repair electric bikes."),
        ("how can i pay", "You can pay with cash or card."),
        ("can i park there", "You can park behind the shop for free."),
    ],
)
def test_a_question_is_answered_with_the_fact_of_the_prompt_that_fits(question: str, fact: str) -> None:
    assert reply(question) == fact


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("what are your opening hours", "Tuesday to Friday: 10 to 19. Saturday: 10 to 14. Sunday and Monday: closed."),
        ("are you open on wednesday", "Tuesday to Friday: 10 to 19."),
        ("are you open on monday", "Sunday and Monday: closed."),
        ("how long are films lent", "Films are lent for one week."),
        ("how much is a library card", "A library card costs nothing."),
    ],
)
def test_another_prompt_gives_other_answers(question: str, fact: str) -> None:
    assert reply(question, to=LIBRARY) == fact


def test_instructions_are_never_spoken() -> None:
    for question in ("what do you invent", "do you keep answers short", "use look up order"):
        assert "Never" not in reply(question)
        assert "Keep" not in reply(question)


@pytest.mark.parametrize(
    "utterance",
    ["what about my order number four seven one two", "what about or four seven one two", "order forty seven twelve"],
)
def test_a_tool_is_used_when_its_arguments_were_said(utterance: str) -> None:
    assert said(utterance) == [Use("look_up_order", {"number": "4712"})]


def test_a_missing_argument_is_asked_for_and_then_used() -> None:
    first, second = said("what about my order", "it is four seven one two")
    assert first == Reply(("What is your order number?",))
    assert second == Use("look_up_order", {"number": "4712"})


def test_a_question_in_between_is_answered_too() -> None:
    assert reply("what about my order", "do you open on sunday") == "Closed on Sunday."


def test_a_tool_nobody_wrote_for_is_used_with_free_text_from_the_utterance() -> None:
    assert said("do you have the book about gardens", to=LIBRARY) == [Use("find_book", {"title": "gardens"})]
    asked, used = said("i am looking for a book", "it is called the secret garden", to=LIBRARY)
    assert asked == Reply(("What is the book title?",))
    assert used == Use("find_book", {"title": "the secret garden"})


def test_arguments_are_collected_one_after_another() -> None:
    *questions, used = said("i want to renew a loan", "nine one two three", "two weeks please", to=LIBRARY)
    assert questions == [Reply(("What is your library card number?",)), Reply(("Which weeks: one or two?",))]
    assert used == Use("renew_loan", {"card_number": "9123", "weeks": "two"})


def test_goodbye_ends_the_call_by_the_tool_where_one_is_offered() -> None:
    assert said("okay goodbye") == [Use("end_call", {"reason": "The caller said goodbye."})]
    assert reply("okay good bye", to=LIBRARY) == "Thank you for calling. Goodbye."


def test_thanks_are_answered_and_no_then_ends_the_call() -> None:
    thanks, end = said("thank you", "no")
    assert thanks == Reply(("You are welcome.", "Is there anything else I can do for you?"))
    assert isinstance(end, Use)
    assert end.tool == "end_call"


def test_a_person_is_reached_by_the_tool_that_reaches_one() -> None:
    assert said("i would like to talk to a person") == [
        Use("transfer_to_person", {"reason": "The caller asks for a person."})
    ]
    assert reply("i would like to talk to a person", to=LIBRARY).startswith("I am sorry")


def test_after_two_misses_a_person_is_offered_and_yes_reaches_one() -> None:
    first, second, third = said("blue moon river", "purple rain", "yes please")
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert "talk to a person" in " ".join(second.sentences)
    assert isinstance(third, Use)
    assert third.tool == "transfer_to_person"


def test_a_caller_who_breaks_in_is_asked_to_go_on() -> None:
    for utterance in ("wait sorry one question", "sorry weighed one question", "excuse me i have a question"):
        assert reply(utterance) == "Yes, please go ahead."


def test_the_last_answer_is_said_again_on_request() -> None:
    assert reply("what is the address", "can you repeat that") == reply("what is the address")


def test_live_text_greets_with_the_words_in_quotation_marks_or_those_of_the_prompt() -> None:
    quoted, _ = SHOP.follow('[The call begins. Greet the caller with "Good day, Ada here."]', State())
    described, _ = SHOP.follow("[The caller has just been connected. Greet the caller.]", State())
    assert quoted == Reply(("Good day, Ada here.",))
    assert described == Reply(("Good day, this is the bicycle shop.", "How can I help you?"))


def test_live_text_that_asks_to_go_on_repeats_what_was_said_last() -> None:
    _, state = SHOP.answer("what is the address", State())
    assert SHOP.follow("[Please go on.]", state)[0] == Reply(("Address: 12 Mill Lane, next to the station.",))


def test_live_text_in_plain_words_is_answered_like_an_utterance() -> None:
    assert SHOP.follow("Do you open on Sunday?", State())[0] == Reply(("Closed on Sunday.",))


def test_a_handed_over_history_keeps_the_question_that_was_open() -> None:
    state = SHOP.recall([("USER", "What about my order?"), ("ASSISTANT", "What is your order number?")])
    assert SHOP.answer("four seven one two", state)[0] == Use("look_up_order", {"number": "4712"})


def test_what_a_tool_told_answers_later_questions() -> None:
    told, state = SHOP.tell(LOOK_UP_ORDER.name, {"status": "ready", "bell_colour": "red"}, State())
    assert told == Reply(("The status is ready.", "The bell colour is red."))
    assert SHOP.answer("what colour is the bell", state)[0] == Reply(("The bell colour is red.",))


def test_nothing_is_said_after_the_tool_that_ends_the_call() -> None:
    assert SHOP.tell("end_call", {"ok": True}, State())[0] is None


def test_the_vocabulary_is_that_of_prompt_and_tools() -> None:
    assert {"electric", "mill", "order"} <= SHOP.vocabulary


def test_a_transcript_is_written_with_figures_and_a_question_mark() -> None:
    assert transcript("what about my order number four seven one two") == "What about my order number 4712?"
    assert transcript("i would like to talk") == "I would like to talk."
    assert transcript("") == ""


def test_an_empty_brief_still_answers() -> None:
    assert isinstance(Understanding("", ()).answer("what are your opening hours", State())[0], Reply)


@pytest.mark.parametrize(
    "prompt",
    [
        "Read aloud exactly what the user writes.",
        "You are a narrator. Repeat word for word the text that you are given, and nothing else.",
        READING_PROMPT,
    ],
)
def test_a_reader_reads_and_does_not_answer(prompt: str) -> None:
    line = "When do you open? Say goodbye."
    assert Understanding(prompt, ()).follow(line, State())[0] == Reply(("When do you open?", "Say goodbye."))


@pytest.mark.parametrize("prompt", [SHOP_PROMPT, LIBRARY_PROMPT, *SHIPPED, "Speak clearly. Say exactly what is true."])
def test_a_desk_is_no_reader(prompt: str) -> None:
    answer, _ = Understanding(prompt, ()).follow("Repeat after me: you are free.", State())
    assert answer != Reply(("Repeat after me: you are free.",))
