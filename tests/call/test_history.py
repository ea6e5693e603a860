"""What was not heard was not said."""

from itertools import pairwise

from app.call.history import Account, Line


def spoken(account: Account, key: str, text: str, heard_ms: int, of_ms: int, ended: bool = True) -> None:
    account.plan(f"plan of {key}", text)
    account.speak(key, 1)
    account.heard(key, heard_ms, of_ms, ended)


def texts(account: Account) -> list[str]:
    return [line.text for line in account.lines()]


def test_a_sentence_heard_to_its_end_is_whole() -> None:
    account = Account()
    spoken(account, "a", "We open at nine.", 1_000, 1_000)
    assert account.lines() == [Line("assistant", "We open at nine.")]


def test_of_a_cut_sentence_the_heard_share_of_its_words_counts() -> None:
    account = Account()
    spoken(account, "a", "We are open from nine until five.", 500, 1_000)
    assert texts(account) == ["We are open…"]


def test_what_nobody_heard_is_not_there() -> None:
    account = Account()
    spoken(account, "a", "We are open.", 0, 1_000)
    spoken(account, "b", "Come in.", 10, 1_000)  # not a word of it
    assert texts(account) == []


def test_a_sentence_still_arriving_is_taken_for_as_long_as_its_text() -> None:
    account = Account()
    spoken(account, "a", "one two three four five six", 400, 400, ended=False)  # 27 characters: about 1.6 s
    assert texts(account) == ["one…"]


def test_text_without_audio_is_forgotten_with_its_reply() -> None:
    account = Account()
    account.plan("p", "I was going to say this.")
    account.forget_plans()
    spoken(account, "a", "Something else.", 500, 500)
    assert texts(account) == ["Something else."]


def test_final_wording_corrects_the_sentence_it_belongs_to() -> None:
    account = Account()
    spoken(account, "a", "We open at 9 in the morning.", 500, 500)
    spoken(account, "b", "And we close at five.", 500, 500)
    account.correct(1, "And we close at 5.")
    account.correct(1, "We open at nine in the morning.")
    assert texts(account) == ["We open at nine in the morning.", "And we close at 5."]


def test_final_wording_of_another_session_or_sentence_changes_nothing() -> None:
    account = Account()
    spoken(account, "a", "We open at nine.", 500, 500)
    account.correct(2, "We open at ten.")
    account.correct(1, "Goodbye then.")
    assert texts(account) == ["We open at nine."]


def test_the_beginning_of_a_sentence_is_no_correction_of_it() -> None:
    account = Account()
    spoken(account, "a", "We are open from nine until five.", 700, 1_000)
    account.correct(1, "We are open")
    assert texts(account) == ["We are open from…"]


def test_audio_that_had_no_text_gets_its_final_wording() -> None:
    account = Account()
    account.speak("a", 1)
    account.heard("a", 300, 300, True)
    account.correct(1, "Good morning.")
    assert texts(account) == ["Good morning."]


def test_a_session_begins_with_the_facts_and_alternates() -> None:
    account = Account()
    account.phrase("p", "Hello.")
    account.heard("p", 500, 500, True)
    account.caller_said("Hi.")
    account.caller_said("Where is it?")
    account.answered()
    spoken(account, "a", "It is", 100, 100)
    spoken(account, "b", "here.", 100, 100)
    assert account.for_session("Facts.") == [
        Line("user", "Facts."),
        Line("assistant", "Hello."),
        Line("user", "Hi.\nWhere is it?"),
        Line("assistant", "It is here."),
    ]


def test_a_caller_who_spoke_first_follows_the_facts_in_one_block() -> None:
    account = Account()
    account.caller_said("Hello?")
    account.answered()
    assert account.for_session("Facts.") == [Line("user", "Facts.\nHello?")]


def test_nothing_said_and_no_facts_is_no_history() -> None:
    assert Account().for_session("") == []


def test_without_facts_the_first_block_is_still_the_users() -> None:
    account = Account()
    spoken(account, "a", "Hello.", 100, 100)
    assert [line.role for line in account.for_session("")] == ["user", "assistant"]


def test_what_waits_for_its_answer_is_not_history_yet() -> None:
    account = Account()
    account.caller_said("When do you open?")
    assert account.for_session("Facts.") == [Line("user", "Facts.")]
    assert account.unanswered() == "When do you open?"
    account.take_back_unanswered()
    assert account.lines() == []


def test_a_long_call_keeps_the_facts_and_its_latest_part() -> None:
    account = Account()
    for index in range(200):
        account.caller_said(f"Question {index}? " + "x" * 100)
        account.answered()
        spoken(account, f"a{index}", f"Answer {index}. " + "y" * 100, 100, 100)
    history = account.for_session("Facts.")
    assert history[0].text.startswith("Facts.") and history[-1].text.startswith("Answer 199")
    assert len(history) <= 40 and sum(len(line.text) for line in history) <= 9_000
    assert all(a.role != b.role for a, b in pairwise(history))
    assert sum(len(line.text) for line in account.for_session("Facts.", short=True)) <= 4_500
