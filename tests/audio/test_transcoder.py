"""One call's sound, both ways, as the bridge uses it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio import g711, tones
from app.audio.resample import Resampler
from app.audio.tones import Samples
from app.audio.transcoder import Encoding, Heard, Transcoder
from app.audio.vad import Edge, SpeechBegan, SpeechStopped
from tests.audio.speech import pcm_of, pieces, samples_of, utterances

LEGS: list[tuple[Encoding, int]] = [("mulaw", 8_000), ("pcm16", 16_000), ("pcm16", 24_000)]
ENGINE_RATES = [8_000, 16_000, 24_000]


def on_leg(samples: Samples, encoding: Encoding) -> bytes:
    return g711.encode(pcm_of(samples)) if encoding == "mulaw" else pcm_of(samples)


def off_leg(audio: bytes, encoding: Encoding) -> Samples:
    return samples_of(g711.decode(audio) if encoding == "mulaw" else audio)


def call(pauses_ms: tuple[int, ...] = (1_000, 1_000)) -> bytes:
    """A telephone line on which one voice speaks after each pause but the last, in mu-law."""
    parts = [part for ms in pauses_ms[:-1] for part in (b"\xff" * 8 * ms, on_leg(utterances("rms")[3], "mulaw"))]
    return b"".join(parts) + b"\xff" * 8 * pauses_ms[-1]


def edges(heard: list[Heard]) -> list[tuple[int, Edge]]:
    """Each edge with the moment it dates itself to, in ms of the line."""
    dated, now = [], 0
    for each in heard:
        now += each.ms
        if each.edge:
            dated.append((now - each.edge.ago_ms, each.edge))
    return dated


@pytest.mark.parametrize("engine", ENGINE_RATES)
@pytest.mark.parametrize(("encoding", "rate"), LEGS)
def test_a_tone_of_the_caller_reaches_the_engine_as_the_same_tone(encoding: Encoding, rate: int, engine: int) -> None:
    ears = Transcoder(encoding, rate, engine, 8_000)
    line = on_leg(tones.sine(1_000, 500, -15, rate), encoding)
    heard = samples_of(b"".join(ears.push(piece).pcm for piece in pieces(line, [len(line) // 25])))

    assert len(heard) == engine // 2
    assert tones.goertzel(heard[engine // 10 :], 1_000, engine) == pytest.approx(-15, abs=0.1)


@pytest.mark.parametrize("engine", ENGINE_RATES)
@pytest.mark.parametrize(("encoding", "rate"), LEGS)
def test_a_tone_of_the_engine_reaches_the_caller_as_the_same_tone(encoding: Encoding, rate: int, engine: int) -> None:
    voice = Transcoder(encoding, rate, 16_000, engine)
    reply = pcm_of(tones.sine(1_000, 500, -15, engine))
    played = off_leg(b"".join(voice.reply(piece) for piece in pieces(reply, [1_023, 4_001])), encoding)

    assert len(played) == rate // 2
    assert tones.goertzel(played[rate // 10 :], 1_000, rate) == pytest.approx(-15, abs=0.1)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(LEGS), st.sampled_from(ENGINE_RATES), st.lists(st.integers(1, 3_000), min_size=1, max_size=6))
def test_frames_of_any_size_give_the_same_sound(leg: tuple[Encoding, int], engine: int, sizes: list[int]) -> None:
    line = on_leg(tones.pink(200, -20, 1, leg[1]), leg[0])
    whole, cut = Transcoder(*leg, engine, engine), Transcoder(*leg, engine, engine)
    heard = [cut.push(piece) for piece in pieces(line, sizes)]

    assert b"".join(each.pcm for each in heard) == whole.push(line).pcm
    assert sum(each.ms for each in heard) == 200
    assert all(len(each.pcm) == each.ms * engine // 500 for each in heard)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(LEGS), st.sampled_from(ENGINE_RATES), st.lists(st.integers(1, 3_000), min_size=1, max_size=6))
def test_a_reply_cut_anywhere_sounds_the_same(leg: tuple[Encoding, int], engine: int, sizes: list[int]) -> None:
    reply = pcm_of(tones.pink(200, -20, 2, engine))
    whole, cut = Transcoder(*leg, engine, engine), Transcoder(*leg, engine, engine)

    assert b"".join(cut.reply(piece) for piece in pieces(reply, sizes)) == whole.reply(reply)


@pytest.mark.parametrize("engine", ENGINE_RATES)
@pytest.mark.parametrize(("encoding", "rate"), LEGS)
def test_a_reset_leaves_no_tail_of_the_reply(encoding: Encoding, rate: int, engine: int) -> None:
    voice = Transcoder(encoding, rate, 16_000, engine)
    voice.reply(pcm_of(tones.white(50, -6, rate=engine))[:-1])
    voice.reset_reply()

    assert not off_leg(voice.reply(bytes(engine // 25)), encoding).any()


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=5))
def test_small_pieces_give_the_same_edges_as_frames(sizes: list[int]) -> None:
    framed, cut = Transcoder("mulaw", 8_000, 8_000), Transcoder("mulaw", 8_000, 8_000)
    line = call()
    wanted = edges([framed.push(piece) for piece in pieces(line, [160])])
    found = edges([cut.push(piece) for piece in pieces(line, sizes)])

    assert [type(edge) for _, edge in wanted] == [SpeechBegan, SpeechStopped]
    assert [at for at, _ in found] == pytest.approx([at for at, _ in wanted], abs=1)


def test_a_burst_gives_its_edges_one_push_at_a_time_and_dates_them_right() -> None:
    framed, burst = Transcoder("mulaw", 8_000), Transcoder("mulaw", 8_000)
    line, frame = call((1_000, 800, 800)), b"\xff" * 160
    wanted = edges([framed.push(piece) for piece in pieces(line, [160])])
    found = edges([burst.push(line), *(burst.push(frame) for _ in range(5))])

    assert len(wanted) == 4
    assert [type(edge) for _, edge in found] == [type(edge) for _, edge in wanted]
    assert [at for at, _ in found] == pytest.approx([at for at, _ in wanted], abs=1)


def test_what_is_less_than_a_millisecond_waits_and_is_not_lost() -> None:
    ears = Transcoder("mulaw", 8_000)

    assert ears.push(b"\xff" * 7) == Heard(b"", 0)
    assert ears.push(b"\xff" * 10).ms == 2
    assert ears.push(b"\xff" * 7).ms == 1


def echoed(ears: Transcoder, bot: bytes, line: bytes) -> list[Edge]:
    """The telephone's side of a bot that keeps 200 ms ahead."""
    ears.played(bot[:1_600])
    said = []
    for at in range(0, len(line), 160):
        ears.played(bot[1_600 + at : 1_760 + at])
        said.append(ears.push(line[at : at + 160]).edge)
    return [edge for edge in said if edge]


def echo_of(bot: bytes, late_ms: int = 120, loss_db: float = 22) -> bytes:
    weaker = tones.to_samples(off_leg(bot, "mulaw") * 10 ** (-loss_db / 20))
    return b"\xff" * 8 * late_ms + on_leg(weaker, "mulaw")


def test_our_own_echo_is_no_speech_if_we_are_told_what_was_played() -> None:
    bot = b"\xff" * 8_000 + call((500, 500, 500))

    assert echoed(Transcoder("mulaw", 8_000), bot, echo_of(bot)) == []
    assert echoed(Transcoder("mulaw", 8_000), b"", echo_of(bot)) != []


def test_the_echo_of_what_was_played_before_a_clear_is_still_known() -> None:
    ears, bot = Transcoder("mulaw", 8_000), b"\xff" * 8_000 + call((500, 0))
    cut = 8_000 + 4_000 + 2_000  # in the middle of the voice
    before = echoed(ears, bot[: cut + 1_600], echo_of(bot)[:cut])
    ears.cleared()
    after = [ears.push(piece).edge for piece in pieces(echo_of(bot)[cut : cut + 960], [160])]

    assert before == []
    assert after == [None] * 6


def test_after_a_clear_the_caller_is_heard_as_on_a_silent_line() -> None:
    ears, voice = Transcoder("mulaw", 8_000), on_leg(utterances("rms")[3] // 8, "mulaw")
    loud = on_leg(utterances("slt")[0], "mulaw")
    ears.played(loud * 5)
    for _ in range(10):
        ears.push(b"\xff" * 160)
    ears.cleared()
    for _ in range(25):
        ears.push(b"\xff" * 160)

    assert any(ears.push(piece).edge for piece in pieces(voice, [160]))
    assert ears.speaking


@pytest.mark.parametrize(("encoding", "rate"), LEGS)
def test_the_detector_works_on_every_leg(encoding: Encoding, rate: int) -> None:
    line = Resampler(8_000, rate).push(g711.decode(call()))
    audio = g711.encode(line) if encoding == "mulaw" else line
    ears = Transcoder(encoding, rate)
    found = edges([ears.push(piece) for piece in pieces(audio, [len(audio) // (len(call()) // 160)])])

    assert [type(edge) for _, edge in found] == [SpeechBegan, SpeechStopped]
    assert found[0][0] == pytest.approx(1_060, abs=25)


def test_mulaw_has_one_rate() -> None:
    with pytest.raises(ValueError, match="16000"):
        Transcoder("mulaw", 16_000)
