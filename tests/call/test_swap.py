"""What following one session by the next costs the ears: the same call is lived with renewals and without, and laid
side by side. Time is the machine's own, so what is found is the swap's doing and no machine's that is busy."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.call.setup import Phrase, Timings, UplinkSettings
from tests.call.stage import FRAME_MS, Stage, setup, times_in, tone

LIFE = 16_000
HOUSE = setup({"greeting": Phrase("greeting", "(greeting)", tone(1, 400))}, timings=Timings(session_life=LIFE))
PIECE_MS = 400  # of a reply, as it comes in
PIECE_EVERY_MS = 20  # fast enough that a reply which has begun is whole before a swap waits for it no longer
BATCH_MS = UplinkSettings().quiet_batch_ms  # in long quiet a frame waits for as many as fill it

type Turn = tuple[int, int, int]  # ms of quiet before it, frames of speech, pieces of the reply


@dataclass
class Lived:
    stage: Stage

    @property
    def swaps(self) -> list[int]:
        notes = [(done.at, done.command) for done in self.stage.done if isinstance(done.command, c.Note)]
        return [at for at, note in notes if note.what == "session renewed"]

    @property
    def played(self) -> list[tuple[int, bytes]]:
        return [(done.at, done.command.audio) for done in self.stage.done if isinstance(done.command, c.PlayFrames)]

    @property
    def late_ms(self) -> dict[int, int]:
        """By the time at which a frame of the caller's was spoken: until it was first sent to a session."""
        late: dict[int, int] = {}
        for done in self.stage.done:
            if isinstance(done.command, c.SendToEngine):
                for at in times_in(done.command.audio):
                    late.setdefault(at, done.at - at)
        return late


def live(said: list[Turn], life: int | None) -> Lived:
    stage = Stage(Call(HOUSE), life=life)
    stage.attach_leg()
    stage.run(3_000)
    for place, (quiet_ms, frames, pieces) in enumerate(said):
        stage.run(stage.now + quiet_ms)
        stage.tell(e.CallerSpoke(stage.leg, 60))
        stage.run(stage.now + FRAME_MS * frames)
        stage.tell(e.CallerPaused(stage.leg, FRAME_MS * frames + 60))
        stage.run(stage.now + 700)
        stage.tell(e.UserText(serving(stage), f"u{place}", f"words {place}"))
        stage.run(stage.now + 500)
        reply(stage, f"r{place}", pieces)
        stage.run(stage.now + PIECE_MS * pieces)
    stage.run(stage.now + LIFE)
    return Lived(stage)


def serving(stage: Stage) -> int:
    begun = (c.AttachSession, c.BeginSession)
    return next(done.command.session for done in reversed(stage.done) if isinstance(done.command, begun))


def reply(stage: Stage, content: str, pieces: int) -> None:
    session = serving(stage)
    stage.tell(e.ReplyText(session, f"p{content}", "So it is.", e.Stage.SPECULATIVE))
    stage.tell(e.ReplyStarted(session, content))
    for place in range(pieces):
        stage.tell(e.ReplyAudio(session, content, tone(10 + place, PIECE_MS)))
        stage.run(stage.now + PIECE_EVERY_MS)
    stage.tell(e.ReplyEnded(session, content, e.Stop.END_TURN))


turns = st.lists(
    st.tuples(
        st.integers(1, 300).map(lambda frames: FRAME_MS * frames), st.integers(20, 150), st.sampled_from([1, 3, 8, 20])
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(turns)
def test_a_swap_adds_nothing_to_the_callers_audio_and_breaks_none_of_ours(said: list[Turn]) -> None:
    renewed, whole = live(said, LIFE), live(said, None)
    assert renewed.swaps and not whole.swaps
    assert renewed.played == whole.played, "the same frames in the same ms"
    late, usual = renewed.late_ms, whole.late_ms
    assert set(late) >= set(range(0, renewed.stage.now - BATCH_MS, FRAME_MS)), "every frame reached a session"
    slower = {
        at: (ms, usual[at]) for at, ms in late.items() if at in usual and ms > max(usual[at], BATCH_MS - FRAME_MS)
    }
    assert not slower
    at_once = [at for at, ms in usual.items() if ms == usual.get(at - FRAME_MS) == 0]
    assert all(late[at] == 0 for at in at_once), "who speaks behind a swap is heard as soon as ever"


def test_at_the_end_of_a_swap_nothing_of_the_callers_waits() -> None:
    renewed = live([(500, 60, 3), (4_000, 100, 3), (3_000, 30, 3)], LIFE)
    for swap in renewed.swaps:
        sent = {at for at, ms in renewed.late_ms.items() if at + ms <= swap}
        assert sent >= set(range(min(sent), swap, FRAME_MS))
