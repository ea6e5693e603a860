"""The pace of a reply, and what was heard of it, in the speaker's own time."""

from hypothesis import given
from hypothesis import strategies as st

from app.simulator.mind import Say, Sentence
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.speaker import Chunk, FinalText, SentenceBegan, SentenceEnded, Speaker, Utterance

RATE = 8_000
MANNER = Manner(speed=5, chunk_ms=100, final_delay_ms=1_000)


def sentence(text: str, ms: int) -> Sentence:
    return Sentence(text, bytes(RATE * 2 * ms // 1000))


def run(speaker: Speaker, until_ms: int) -> list[tuple[int, Utterance]]:
    """All that leaves up to a moment, with its time."""
    out: list[tuple[int, Utterance]] = []
    while (due := speaker.next_deadline()) is not None and due <= until_ms:
        out += [(due, utterance) for utterance in speaker.due(due)]
    return out


def of_kind[T](kind: type[T], out: list[tuple[int, Utterance]]) -> list[tuple[int, T]]:
    return [(at, utterance) for at, utterance in out if isinstance(utterance, kind)]


def test_audio_leaves_five_times_faster_than_it_plays() -> None:
    speaker = Speaker(MANNER, RATE)
    speaker.say(Say((sentence("One second.", 1_000),), last=True), now_ms=500)
    chunks = of_kind(Chunk, run(speaker, 10_000))
    assert [at for at, _ in chunks] == [500 + 20 * n for n in range(10)]
    assert speaker.playing_until_ms == 1_500


def test_only_the_last_sentence_ends_the_turn() -> None:
    speaker = Speaker(MANNER, RATE)
    speaker.say(Say((sentence("One.", 100), sentence("Two.", 100)), last=False), 0)
    speaker.say(Say((sentence("Three.", 100),), last=True), 0)
    out = run(speaker, 10_000)
    assert [ended.end_of_turn for _, ended in of_kind(SentenceEnded, out)] == [False, False, True]
    assert [began.first for _, began in of_kind(SentenceBegan, out)] == [True, False, False]


def test_final_texts_come_after_a_sentence_was_played_and_a_while_more() -> None:
    speaker = Speaker(MANNER, RATE)
    speaker.say(Say((sentence("One.", 1_000), sentence("Two.", 1_000)), last=True), 0)
    finals = of_kind(FinalText, run(speaker, 10_000))
    assert [(at, final.text) for at, final in finals] == [(2_000, "One."), (3_000, "Two.")]


def test_an_interruption_keeps_the_words_that_were_played() -> None:
    speaker = Speaker(MANNER, RATE)
    speaker.say(Say((sentence("One two three four.", 2_000), sentence("Never.", 1_000)), last=True), 0)
    run(speaker, 300)
    assert speaker.interrupt(1_000)
    assert [final.text for _, final in of_kind(FinalText, run(speaker, 10_000))] == ["One two"]


def test_nothing_is_interrupted_once_it_was_played() -> None:
    speaker = Speaker(MANNER, RATE)
    speaker.say(Say((sentence("One.", 300),), last=True), 0)
    run(speaker, 299)
    assert not speaker.interrupt(300)


def test_a_reply_that_has_not_begun_is_dropped_without_a_signal() -> None:
    speaker = Speaker(MANNER, RATE)
    speaker.stall(1_000, 0)
    speaker.say(Say((sentence("One.", 300),), last=True), 0)
    assert not speaker.interrupt(500)
    assert run(speaker, 10_000) == []


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 900)), min_size=1, max_size=6),
    st.integers(0, 4_000),
)
def test_whatever_is_said_and_cut_no_byte_leaves_twice_and_time_never_runs_back(
    replies: list[tuple[int, int]], cut_ms: int
) -> None:
    speaker, out, offered, now = Speaker(MANNER, RATE), [], 0, 0
    for wait_ms, length_ms in replies:
        out += run(speaker, now)
        now += wait_ms
        speaker.say(Say((sentence("Words of it.", length_ms),), last=True), now)
        offered += RATE * 2 * length_ms // 1000
        if now > cut_ms:
            speaker.interrupt(now)
    out += run(speaker, now + 60_000)
    assert sum(len(chunk.pcm) for _, chunk in of_kind(Chunk, out)) <= offered
    assert [at for at, _ in out] == sorted(at for at, _ in out)
    assert speaker.next_deadline() is None
