"""One load caller, in its own time: 20 ms at a time from 0."""

from app.simulator.load.figures import MS
from app.simulator.load.speech import FRAME, Speech, Utterance
from app.simulator.load.talker import FAREWELL_FRAMES, Habits, State, Talker, sound_at

WORDS = Speech((Utterance(tuple("abcde"), 30, 700),), ("-",))  # 100 ms of speech
HABITS = Habits(talk_ms=100, pause_ms=200, listen_ms=400)


class Life:
    """A talker and the clock it is asked by."""

    def __init__(self, habits: Habits = HABITS, window: tuple[int, int] = (0, 10**12)) -> None:
        self.talker = Talker(WORDS, habits, number=0, window=window)
        self.now = 0

    def live(self, ms: int) -> str:
        said = ""
        for _ in range(ms // 20):
            said += self.talker.frame(self.now)
            self.now += 20 * MS
        return said

    def hear(self, ms: int) -> None:
        self.talker.media(8 * ms, self.now)


def greeted() -> Life:
    life = Life()
    life.hear(100)
    return life


def test_a_caller_hears_the_greeting_out_pauses_and_talks() -> None:
    life = greeted()
    assert life.live(400) == "-" * 15 + "abcde"
    assert life.talker.turns[0].frame == 15


def test_a_caller_waits_for_the_answer_however_long_it_takes() -> None:
    life = greeted()
    life.live(400)
    assert life.live(1_000) == "-" * 50
    life.hear(400)
    assert life.talker.turns[0].answered == life.now
    assert life.live(700) == "-" * 30 + "abcde"


def test_a_caller_without_an_answer_gives_up_and_talks_again() -> None:
    life = greeted()
    life.live(400)
    assert set(life.live(9_900)) == {"-"}
    assert "a" in life.live(200)
    assert life.talker.tally.unanswered == 1


def test_a_reply_that_flows_has_no_late_frame() -> None:
    life = greeted()
    life.live(40)
    life.hear(100)
    assert (life.talker.tally.heard_frames, life.talker.tally.late_frames) == (5, 0)


def test_every_frame_of_a_message_that_finds_the_buffer_dry_is_late() -> None:
    life = greeted()
    life.live(120)
    life.hear(100)
    assert (life.talker.tally.heard_frames, life.talker.tally.late_frames) == (5, 5)


def test_the_first_message_of_a_reply_is_never_late() -> None:
    life = greeted()
    life.live(700)
    life.hear(100)
    assert life.talker.tally.late_frames == 0 and life.talker.state is State.HEARING


def test_what_follows_a_clear_is_not_late() -> None:
    life = greeted()
    life.live(40)
    life.talker.clear(life.now)
    life.live(100)
    life.hear(100)
    assert life.talker.tally.late_frames == 0 and life.talker.tally.needless_clears == 1


def test_a_caller_who_interrupts_talks_while_the_answer_plays_and_notes_the_clear() -> None:
    life = Life(Habits(talk_ms=100, pause_ms=200, listen_ms=400, interrupts_after=(60,)))
    life.hear(100)
    life.live(400)
    life.hear(1_000)
    assert life.live(80) == "---a"
    assert life.talker.turns[1].interrupts
    life.talker.clear(life.now)
    life.live(20)
    life.talker.clear(life.now)
    assert life.talker.turns[1].cleared == life.now - 20 * MS
    assert life.talker.tally.needless_clears == 1


def test_speech_of_the_server_over_the_caller_spoils_the_turn() -> None:
    life = greeted()
    life.live(340)
    life.hear(100)
    assert life.talker.turns[0].talked_over


def test_time_is_shared_out_between_talking_listening_and_silence() -> None:
    life = greeted()
    life.live(400)
    tally = life.talker.tally
    assert (tally.talking, tally.listening, tally.silent) == (5, 5, 10)


def test_only_the_window_counts() -> None:
    life = Life(window=(20 * MS, 60 * MS))
    life.live(400)
    assert life.talker.tally.silent == 2


def test_a_caller_who_leaves_talks_to_the_last_frame() -> None:
    life = greeted()
    life.live(100)
    life.talker.leave(life.now)
    assert set(life.live(20 * FAREWELL_FRAMES)) == set("abcde")
    assert life.talker.gone


def test_habits_hold_the_shares_whatever_the_model_thinks() -> None:
    for think_ms in (300, 700, 4_000):
        habits = Habits.for_shares(think_ms)
        silent = habits.pause_ms + think_ms
        whole = habits.talk_ms + habits.listen_ms + silent
        assert abs(habits.talk_ms / whole - 0.35) < 0.01
        assert abs(habits.listen_ms / whole - 0.45) < 0.01
        assert habits.pause_ms >= 500


def test_a_frame_leaves_when_its_last_sample_was_heard() -> None:
    assert sound_at(1_000 * MS, 0) == 980 * MS
    assert sound_at(1_000 * MS, FRAME + 80) == 990 * MS


def presser(*after_ms: int) -> Life:
    life = Life(Habits(talk_ms=100, pause_ms=200, listen_ms=400, interrupts_after=after_ms, key="1"))
    life.hear(400)
    return life


def press(life: Life) -> str:
    """What is pressed within two seconds, and how long after the beginning."""
    for _ in range(100):
        if key := life.talker.presses(life.now):
            return f"{key} at {life.now // MS}"
        life.live(20)
    return ""


def test_a_key_is_pressed_once_when_all_was_heard_and_what_follows_answers_it() -> None:
    life = presser(60_000)
    assert press(life) == "1 at 600"
    assert not life.talker.key.over_speech
    life.live(40)
    life.hear(100)
    assert life.talker.key.answered == 640 * MS
    assert press(life) == "" and life.talker.turns == []


def test_a_key_over_speech_is_answered_by_what_follows_the_clear() -> None:
    life = presser(300)
    assert press(life) == "1 at 300" and life.talker.key.over_speech
    life.hear(100)  # it was on its way
    assert not life.talker.key.answered
    life.live(20)
    life.talker.clear(life.now)
    life.hear(100)
    assert life.talker.key.answered == 320 * MS and life.talker.tally.needless_clears == 0
