"""A call goes from session to session, whatever happens: nothing is lost, nothing comes twice, nobody goes deaf."""

from itertools import count

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.call import commands as c
from app.call import events as e
from app.call.course import Phase
from app.call.machine import Call
from app.call.renewal import Renewal
from app.call.setup import Phrase, Timings
from tests.call.stage import FRAME_MS, Stage, setup, times_in, tone

LIFE = 40_000
HOUSE = setup(
    {name: Phrase(name, f"({name})", tone(byte, 400)) for byte, name in enumerate(("greeting", "wait", "sorry"), 1)},
    timings=Timings(session_life=LIFE, silence_prompt=900_000),
)

# --- when -------------------------------------------------------------------------------------------------------------


def test_of_eight_minutes_the_window_opens_at_six_and_nothing_waits_beyond_seven_and_a_half() -> None:
    renewal = Renewal(Timings())
    renewal.serves(480_000, 0)
    assert renewal.lend_at(0, quiet=True) == 360_000
    assert renewal.lend_at(0, quiet=False) == 451_200 - 5_000  # what has to be opened is asked for before that
    renewal.asks(2, "en-US", 446_200)
    assert renewal.is_lent(2, 900_000, 447_000)
    assert renewal.begin_at(447_000, quiet=True, reply_coming=False) == 447_000
    assert renewal.begin_at(447_000, quiet=False, reply_coming=False) == 451_200
    assert renewal.begin_at(447_000, quiet=False, reply_coming=True) == 454_200


def test_a_session_that_is_old_when_it_comes_is_not_renewed_at_once_for_ever() -> None:
    renewal = Renewal(Timings())
    renewal.serves(30_000, 0)
    lend_at = renewal.lend_at(0, quiet=True)
    assert lend_at is not None and lend_at > 50_000


def test_a_session_without_an_end_is_not_renewed() -> None:
    renewal = Renewal(Timings())
    renewal.serves(None, 0)
    assert renewal.lend_at(0, quiet=True) is None


def test_one_that_cannot_be_had_is_asked_for_ever_more_seldom() -> None:
    renewal = Renewal(Timings())
    renewal.serves(480_000, 0)
    waits, now = [], 360_000
    for number in range(2, 9):
        renewal.asks(number, "", now)
        renewal.fails(now)
        again = renewal.lend_at(now, quiet=True)
        assert again is not None
        waits.append(again - now)
        now = again
    assert waits == [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]


# --- whatever happens -------------------------------------------------------------------------------------------------


class Service(Stage):
    """A stage whose sessions end by themselves, and whose next sessions meet the `fates` in turn."""

    def __init__(self, fates: list[str], opens_in: int) -> None:
        super().__init__(Call(HOUSE), opens_in=opens_in, life=LIFE)
        self.fates = list(fates)
        self.current = 0
        self.closed: set[int] = set()
        self.replies = count(1)
        self.words: dict[int, str] = {}  # by session: its history
        self.heard: dict[int, list[int]] = {}  # by session: when the caller's frames that it was sent were spoken

    def _carry_out(self, command: c.Command) -> None:
        match command:
            case c.LendSession(session):
                self.meet(session, self.fates.pop(0) if self.fates else "comes")
                return
            case c.AttachSession(session, history) | c.BeginSession(session, history):
                assert self.current in self.closed | {0}, "never two sessions"
                assert session not in self.closed and session > self.current
                self.current = session
                self.words[session] = " / ".join(line.text for line in history)
                self.heard[session] = []
            case c.SendToEngine(session, audio):
                assert session == self.current and session not in self.closed
                self.heard[session] += times_in(audio)
            case c.SendText(session):
                assert session == self.current and session not in self.closed
                self.at(self.now + 900, lambda: self.reply(session, 500))
            case c.AnswerTool(session):
                assert session == self.current and session not in self.closed
            case c.CloseSession(session):
                self.closed.add(session)
            case _:
                pass
        if isinstance(command, c.AttachSession):
            self.expire(command.session, self.now + self._opens_in + LIFE)
        super()._carry_out(command)

    def meet(self, session: int, fate: str) -> None:
        opened = self.now + self._opens_in
        if fate == "fails":
            self.tell_at(opened, e.SessionFailed(session, e.Failure.THROTTLED))
        elif fate != "never comes":
            self.tell_at(opened, e.SessionLent(session, opened + LIFE))
            self.expire(session, opened + LIFE)
            if fate == "dies":
                self.at(opened + 400, lambda: self.die(session, unbegun=True))

    def expire(self, session: int, at: int) -> None:
        self.at(at, lambda: self.die(session, e.Failure.EXPIRED))

    def die(self, session: int, failure: e.Failure = e.Failure.LOST, unbegun: bool = False) -> None:
        if session not in self.closed and not (unbegun and session == self.current):
            self.tell(e.SessionFailed(session, failure))

    def reply(self, session: int, ms: int) -> None:
        """Unless the session is gone."""
        if session not in self.closed:
            content = f"r{next(self.replies)}"
            self.tell(e.ReplyText(session, f"p{content}", "So it is.", e.Stage.SPECULATIVE))
            self.tell(e.ReplyStarted(session, content))
            self.tell(e.ReplyAudio(session, content, tone(90, ms)))
            self.tell(e.ReplyEnded(session, content, e.Stop.END_TURN))


class Caller:
    """Speaks, and is answered by whichever session serves the call by then."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.answered_until = 0  # of the caller's line
        self.answered_at = LIFE * 1_000  # when that was
        self.turns = 0

    def turn(self, wait: int, frames: int, thinking: int, how: str) -> None:
        service = self.service
        service.run(service.now + wait)
        onset = service.now - 60  # a detector decides late
        if how == "the session is lost as they begin":
            service.tell(e.SessionFailed(service.current, e.Failure.LOST))
        service.tell(e.CallerSpoke(service.leg, 60))
        service.run(service.now + FRAME_MS * frames)
        service.tell(e.CallerPaused(service.leg, FRAME_MS * frames + 60))
        ended = service.now
        self.turns += 1
        if how == "the session is lost":
            service.tell(e.SessionFailed(service.current, e.Failure.LOST))
        spoken = {at for at in range(0, ended, FRAME_MS) if at >= onset}
        taken_up = self.think(spoken, thinking, how)
        heard = service.heard[service.current]
        assert heard == sorted(set(heard)), "in order, and nothing twice"
        assert taken_up or spoken <= set(heard), "all of it"
        assert not heard or heard[0] >= self.first_allowed(), "nothing of an answered turn"
        service.reply(service.current, 6_000 if how == "a long answer" else 700)
        self.answered_until, self.answered_at = ended, service.now

    def think(self, spoken: set[int], thinking: int, how: str) -> bool:
        """Until a session is ready to answer. True where a tool had taken up the turn, and that session is gone."""
        service, words = self.service, f"words {self.turns}"
        for _ in range(20):
            assert service.call.phase is Phase.LIVE
            service.run(service.now + 1_900)
            session = service.current
            if session in service.closed or not service.heard[session]:
                continue  # it is gone, or still being opened
            service.tell(e.UserText(session, f"u{service.now}", words))
            if how == "a tool":
                run = f"t{self.turns}.{session}"
                service.tell(e.ToolCalled(session, run, "find", "{}"))
                service.run(service.now + thinking)
                service.tell(e.ToolAnswered(run, "find", '{"found":1}', e.Outcome.OK, thinking))
            else:
                service.run(service.now + thinking)
            if service.current == session and session not in service.closed:
                return False
            if how == "a tool" and words in service.words.get(service.current, ""):
                service.run(service.now + 3_000)
                told = [d.command.text for d in service.done if isinstance(d.command, c.SendText)]
                assert any('{"found":1}' in text for text in told), "its answer comes in writing"
                return True
        raise AssertionError("no session is ever ready to answer")

    def first_allowed(self) -> int:
        """A session hears nothing of what was answered before it began."""
        begun = next(
            d.at
            for d in self.service.done
            if isinstance(d.command, c.AttachSession | c.BeginSession) and d.command.session == self.service.current
        )
        return self.answered_until if begun > self.answered_at else 0


fates = st.lists(st.sampled_from(["comes", "comes", "fails", "never comes", "dies"]), max_size=8)
turns = st.lists(
    st.tuples(
        st.integers(1, 500).map(lambda frames: FRAME_MS * frames),
        st.integers(20, 300),
        st.sampled_from([100, 1_000, 2_300]),
        st.sampled_from(
            [
                "an answer",
                "an answer",
                "a long answer",
                "a tool",
                "the session is lost",
                "the session is lost as they begin",
            ]
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(turns, fates, st.sampled_from([0, 300, 2_000]))
@example([(5_000, 60, 1_000, "an answer"), (5_000, 60, 1_000, "the session is lost as they begin")], [], 300)
@example(  # at its end no next one has opened, and the one that follows is lost
    [
        (5_640, 142, 2_300, "the session is lost"),
        (3_720, 91, 100, "a tool"),
        (3_560, 233, 2_300, "an answer"),
        (5_600, 20, 2_300, "an answer"),
        (9_680, 20, 100, "the session is lost"),
    ],
    ["dies", "dies", "never comes"],
    0,
)
def test_what_the_caller_says_reaches_the_session_that_answers_once_and_in_order(
    said: list[tuple[int, int, int, str]], fates: list[str], opens_in: int
) -> None:
    service = Service(fates, opens_in)
    service.attach_leg()
    service.run(3_000)
    caller = Caller(service)
    for turn in said:
        caller.turn(*turn)
    service.run(service.now + 90_000)  # some more lives of silence
    caller.turn(200, 60, 100, "an answer")  # nobody has gone deaf
    assert service.call.phase is Phase.LIVE
