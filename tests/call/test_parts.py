"""The smaller parts: clocks, attachment, replies, keys, texts, tools, the waterfall, dispositions, /twilio/next."""

from app.call.attachment import Attachment
from app.call.clocks import Alarm, AnswerClock, DeafClock, FailureClock
from app.call.continuation import CallRecord, ConnectStream, DialPerson, HangUpCall, SpeakAndHangUp, after_stream
from app.call.disposition import Disposition, disposition_of
from app.call.dtmf import Keys
from app.call.events import EVENT_TYPES, Failure
from app.call.machine import _HANDLERS
from app.call.replies import Replies
from app.call.runs import Run, Runs
from app.call.setup import Timings
from app.call.texts import Texts
from app.call.waterfall import Waterfall

T = Timings()


def test_the_machine_has_a_handler_for_every_event_but_audio_which_takes_the_short_way() -> None:
    assert {*_HANDLERS} == {kind for kind in EVENT_TYPES if kind.__name__ != "CallerAudio"}


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_an_owed_answer_of_an_engine_that_shows_it_works_is_filled_twice_and_then_given_up() -> None:
    clock = AnswerClock(T)
    clock.start(1_000)
    alarms = []
    for now in range(1_000, 12_000, 100):
        clock.sign(now)
        if alarm := clock.alarm(now, patient=False, line_silent=True):
            alarms.append((now, alarm))
            if alarm is Alarm.GIVE_UP:
                break
            clock.filled(now)
    assert alarms == [(3_500, Alarm.FILL), (7_000, Alarm.FILL), (11_000, Alarm.GIVE_UP)]


def test_an_engine_that_shows_nothing_is_given_up_sooner_and_a_slow_one_later() -> None:
    clock = AnswerClock(T)
    clock.start(1_000)
    assert clock.give_up_at(patient=False) == 7_000
    clock.sign(2_000)
    assert clock.give_up_at(patient=False) == 8_000
    slow = AnswerClock(Timings(slow_answer=4_000))
    slow.start(1_000)
    assert slow.give_up_at(patient=False) == 9_000


def test_a_reply_that_stops_in_its_middle_is_given_up_like_a_deaf_session() -> None:
    clock = AnswerClock(T)
    clock.start(1_000)
    clock.stall(5_000)
    assert clock.give_up_at(patient=False) == 9_000
    clock.sign(6_000)  # the text of its next sentence, and then nothing
    assert clock.alarm(9_000, patient=False, line_silent=True) is Alarm.FILL
    assert clock.give_up_at(patient=False) == 10_000


def test_a_tool_has_its_own_limit_and_the_caller_is_kept_company() -> None:
    clock = AnswerClock(T)
    clock.start(0)
    clock.filled(2_500)
    clock.filled(6_000)
    assert clock.alarm(11_000, patient=True, line_silent=True) is None
    assert clock.alarm(12_000, patient=True, line_silent=True) is Alarm.FILL


def test_no_filler_is_said_into_our_own_words() -> None:
    clock = AnswerClock(T)
    clock.start(0)
    assert clock.alarm(3_000, patient=False, line_silent=False) is None


def test_a_known_failure_leaves_time_for_the_way_to_the_ear() -> None:
    clock = FailureClock(T)
    clock.start(1_000)
    clock.start(1_900)  # a second failure does not make it later
    assert clock.deadline(caller_quiet=0, silent_from=0) == 2_000
    assert clock.deadline(caller_quiet=1_500, silent_from=0) == 2_500


def test_the_silences_behind_the_lines_of_a_failure_are_as_short_and_they_end() -> None:
    clock = FailureClock(T)
    clock.start(100)
    clock.spoke()
    assert clock.deadline(caller_quiet=0, silent_from=1_700) == 3_000
    clock.spoke()
    clock.start(4_000)  # the next session failed as well
    for _ in range(3):
        assert clock.running
        clock.spoke()
    assert not clock.running


def test_the_engine_is_deaf_after_speech_and_four_seconds_of_nothing() -> None:
    clock = DeafClock(T)
    clock.spoke()
    clock.paused(1_000, 300)
    assert clock.deadline() is None  # too short to count
    clock.spoke()
    clock.paused(2_000, 200)
    assert clock.deadline() == 6_000
    clock.stop()
    assert clock.deadline() is None


# --- attachment -------------------------------------------------------------------------------------------------------


def test_sessions_are_numbered_from_one() -> None:
    attachment = Attachment(T, "CA1")
    assert [attachment.number(), attachment.number()] == [1, 2]


def test_three_failures_in_a_row_are_enough() -> None:
    attachment = Attachment(T, "CA1")
    assert [attachment.fail(Failure.LOST, 0) for _ in range(3)] == [True, True, False]


def test_an_answer_wipes_the_slate_clean() -> None:
    attachment = Attachment(T, "CA1")
    attachment.fail(Failure.LOST, 0)
    attachment.fail(Failure.LOST, 0)
    attachment.prove()
    assert attachment.fail(Failure.LOST, 0)


def test_a_session_that_lived_was_no_failure_in_a_row() -> None:
    attachment = Attachment(T, "CA1")
    for start in range(0, 500_000, 50_000):
        attachment.ask(attachment.number(), start)
        attachment.attach(start)
        assert attachment.fail(Failure.EXPIRED, start + 40_000)


def test_a_session_that_came_to_its_end_has_not_failed() -> None:
    attachment = Attachment(T, "CA1")
    attachment.attach(0)
    assert attachment.fail(Failure.EXPIRED, 40_000)
    assert [attachment.fail(Failure.LOST, 60_000) for _ in range(3)] == [True, True, False]


def test_throttling_backs_off_one_to_two_seconds_twice() -> None:
    attachment = Attachment(T, "CA1")
    for _ in range(2):
        assert attachment.fail(Failure.THROTTLED, 10_000)
        assert attachment.retry_at is not None and 11_000 <= attachment.retry_at <= 12_000
        attachment.ask(attachment.number(), 12_000)
    assert not attachment.fail(Failure.THROTTLED, 13_000)


def test_callers_throttled_together_come_back_apart() -> None:
    retries = set()
    for index in range(50):
        attachment = Attachment(T, f"CA{index}")
        attachment.fail(Failure.THROTTLED, 0)
        retries.add(attachment.retry_at)
    assert len(retries) > 40


def test_what_no_retry_helps_is_not_retried() -> None:
    assert not Attachment(T, "CA1").fail(Failure.MISCONFIGURED, 0)
    once = Attachment(T, "CA1")
    assert [once.fail(Failure.BAD_INPUT, 0), once.fail(Failure.BAD_INPUT, 0)] == [True, False]


def test_a_history_that_was_too_long_is_halved() -> None:
    attachment = Attachment(T, "CA1")
    assert attachment.fail(Failure.HISTORY_TOO_LONG, 0) and attachment.shortened


# --- replies ----------------------------------------------------------------------------------------------------------


def test_contents_begun_before_an_interruption_are_stale_for_good() -> None:
    replies = Replies()
    assert replies.admits("a")
    replies.over()
    assert not replies.admits("a") and replies.admits("b")


def test_the_late_end_of_an_interrupted_reply_does_not_end_the_next_one() -> None:
    replies = Replies()
    replies.admits("a")
    replies.over()
    replies.admits("b")
    replies.end("a", ends_turn=True)
    assert replies.open


def test_a_hushed_reply_stays_hushed_until_it_is_over() -> None:
    replies = Replies()
    replies.admits("a")
    replies.hush()
    assert not replies.admits("b") and not replies.audible
    replies.end("b", ends_turn=True)
    assert replies.admits("c")


def test_a_reply_that_was_over_when_it_was_cut_hushes_nothing_new() -> None:
    replies = Replies()
    replies.admits("a")
    replies.end("a", ends_turn=True)
    replies.hush()
    assert replies.admits("b")


def test_of_a_hushed_turn_nothing_is_heard_whether_it_had_begun_or_not() -> None:
    replies = Replies()
    replies.admits("before")
    replies.hush_turn()
    replies.complete()  # the text of a turn ends before its audio does
    replies.end("before", ends_turn=True)  # ... and what the turn before had left ends nothing
    assert not replies.admits("a") and not replies.audible
    replies.end("a", ends_turn=False)
    assert not replies.admits("b")
    replies.end("b", ends_turn=True)
    assert replies.admits("c") and not replies.admits("b")


def test_a_tool_puts_the_end_of_a_hushed_turn_off_until_what_is_said_of_its_answer() -> None:
    replies = Replies()
    replies.hush_turn()
    replies.admits("let me see")
    replies.tool_opened()
    replies.end("let me see", ends_turn=True)
    replies.admits("still looking")
    replies.tool_answered()
    replies.end("still looking", ends_turn=True)
    assert not replies.admits("found it")
    replies.end("found it", ends_turn=True)
    assert replies.admits("next")


def test_a_hushed_turn_is_over_when_the_caller_or_we_say_something_new() -> None:
    replies = Replies()
    replies.hush_turn()
    replies.over()
    assert replies.admits("a")
    replies.hush_turn()
    replies.asked()
    assert replies.admits("b") and not replies.admits("a")


def test_a_muted_model_is_not_heard_again() -> None:
    replies = Replies()
    replies.mute()
    replies.over()
    assert not replies.admits("a")


# --- keys, texts, tools -----------------------------------------------------------------------------------------------


def test_keys_pressed_together_are_one_input() -> None:
    keys = Keys()
    keys.press("4", 0)
    keys.press("2", 600)
    assert keys.take(1_599) is None
    text = keys.take(1_600)
    assert text is not None and "4 2" in text and keys.deadline() is None


def test_a_hash_ends_the_input_at_once() -> None:
    keys = Keys()
    keys.press("7", 0)
    keys.press("#", 100)
    assert keys.take(100) is not None


def test_text_that_was_not_answered_is_sent_again() -> None:
    texts = Texts()
    texts.ask("a")
    texts.ask("a")
    texts.ask("b")
    assert texts.send() == "a\nb" and not texts
    texts.send_again()
    assert texts.send() == "a\nb"
    texts.answered()
    texts.send_again()
    assert not texts


def test_a_tool_run_can_be_taken_once() -> None:
    runs = Runs()
    runs.begin(Run("t1", 1, "find", 100))
    assert runs.take("t1") is not None and runs.take("t1") is None
    runs.begin(Run("t2", 1, "find", 200))
    assert runs.take_overdue(199) == [] and [run.run for run in runs.take_overdue(200)] == ["t2"]


# --- the waterfall ----------------------------------------------------------------------------------------------------


def test_a_turn_is_measured_from_the_last_sound_to_the_first_frame() -> None:
    waterfall = Waterfall()
    waterfall.caller_spoke()
    waterfall.caller_stopped(1_000)
    waterfall.caller_spoke()
    waterfall.caller_stopped(2_000)
    waterfall.transcript(3_800)
    waterfall.reply_text(4_000)
    waterfall.reply_audio(4_100)
    measured = waterfall.first_frame(4_101)
    assert measured is not None
    assert (measured.turn, measured.caller_stopped_ms, measured.transcript_ms) == (1, 2_000, 3_800)
    assert (measured.first_text_ms, measured.first_audio_ms, measured.first_frame_ms) == (4_000, 4_100, 4_101)


def test_the_rest_of_a_reply_is_no_turn() -> None:
    waterfall = Waterfall()
    waterfall.transcript(0)
    waterfall.first_frame(10)
    waterfall.reply_audio(500)
    assert waterfall.first_frame(500) is None


# --- the end ----------------------------------------------------------------------------------------------------------


def test_only_known_reasons_name_a_disposition() -> None:
    assert disposition_of('{"reason":"wrong_number"}', False) is Disposition.WRONG_NUMBER
    assert disposition_of('"{\\"reason\\":\\"abuse\\"}"', False) is Disposition.ABUSE
    for odd in ("", "[", "7", "null", '{"reason":[]}', '{"reason":"because I say so"}', "[" * 100_000):
        assert disposition_of(odd, True) is Disposition.COMPLETED


def test_only_whom_we_have_called_can_ask_never_to_be_called_again() -> None:
    asked = '{"reason":"do_not_call"}'
    assert disposition_of(asked, True) is Disposition.DO_NOT_CALL
    assert disposition_of(asked, False) is Disposition.CALLER_REFUSED


def test_after_a_lost_stream_the_call_is_joined_again() -> None:
    assert after_stream(CallRecord().stream_ended(60_000)) == ConnectStream()


def test_after_the_bots_goodbye_nothing_follows() -> None:
    assert after_stream(CallRecord(ended="completed", streams=1)) == HangUpCall()


def test_a_caller_we_gave_up_as_lost_is_still_there_if_the_carrier_asks() -> None:
    assert after_stream(CallRecord(ended="caller_lost", streams=1)) == ConnectStream()


def test_three_short_streams_or_ten_resumes_are_enough() -> None:
    record = CallRecord()
    for _ in range(3):
        assert after_stream(record, goodbye_text="Bye.") == ConnectStream()
        record = record.stream_ended(4_999)
    assert after_stream(record, goodbye_text="Bye.") == SpeakAndHangUp("Bye.")
    assert after_stream(record, "+15550003", "Bye.") == DialPerson("+15550003", "Bye.")
    assert after_stream(CallRecord(resumes=10), goodbye_text="Bye.", language="de-DE") == SpeakAndHangUp(
        "Bye.", "de-DE"
    )
