"""From the service's events to the call's: what a content id stands for, and one `Interrupted` for each barge-in. Pure.

The service names role, type and stage when a content starts and only its id afterwards. A barge-in is signalled twice
or three times: by the marker text, by the `INTERRUPTED` end of that text, now and then by that of the audio. Whichever
comes first counts, the others until the model's next plan of speech do not. The AUDIO content may even end with
`END_TURN` after a barge-in, which is why its stop reason alone would not do.
"""

from collections.abc import Iterator

from app.call.events import (
    EngineHeardPause,
    EngineHeardSpeech,
    Interrupted,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    ReplyText,
    ReplyTextEnded,
    SessionEvent,
    Stage,
    Stop,
    ToolCalled,
    UsageReported,
    UserText,
)
from app.engines.nova_sonic.events import (
    AudioHeard,
    ContentEnded,
    ContentStarted,
    Heard,
    SpeechNoticed,
    TextHeard,
    TokensUsed,
    ToolUsed,
    is_interruption,
)

STOPS = {"END_TURN": Stop.END_TURN, "INTERRUPTED": Stop.INTERRUPTED}


class Reader:
    """Holds the contents that are open now. `session` is the ordinal that its events carry, `where` the endpoint's
    name."""

    def __init__(self, session: int = 0, where: str = "") -> None:
        self.session = session
        self._where = where
        self._open: dict[str, ContentStarted] = {}
        self._interrupted = False

    def read(self, heard: Heard) -> Iterator[SessionEvent]:
        match heard:
            case AudioHeard(content, pcm):
                yield ReplyAudio(self.session, content, pcm)
            case TextHeard():
                yield from self._text(heard)
            case ContentStarted():
                yield from self._started(heard)
            case ContentEnded():
                yield from self._ended(heard)
            case ToolUsed(_, run, name, arguments):
                yield ToolCalled(self.session, run, name, arguments)
            case TokensUsed(speech_in, speech_out, text_in, text_out):
                yield UsageReported(self.session, speech_in, speech_out, text_in, text_out, self._where)
            case SpeechNoticed(ended):
                yield EngineHeardPause(self.session) if ended else EngineHeardSpeech(self.session)

    def _started(self, heard: ContentStarted) -> Iterator[SessionEvent]:
        self._open[heard.content] = heard
        spoken = heard.type == "AUDIO" and heard.role == "ASSISTANT"
        if spoken or heard.stage == "SPECULATIVE":
            self._interrupted = False
        if spoken:
            yield ReplyStarted(self.session, heard.content)

    def _text(self, heard: TextHeard) -> Iterator[SessionEvent]:
        if is_interruption(heard.text):
            yield from self._interrupt()
        elif heard.role == "USER":
            yield UserText(self.session, heard.content, heard.text)
        elif heard.role == "ASSISTANT":
            started = self._open.get(heard.content)
            planned = started is not None and started.stage == "SPECULATIVE"
            yield ReplyText(self.session, heard.content, heard.text, Stage.SPECULATIVE if planned else Stage.FINAL)

    def _ended(self, heard: ContentEnded) -> Iterator[SessionEvent]:
        started = self._open.pop(heard.content, None)
        stop = STOPS.get(heard.stop, Stop.PARTIAL_TURN)
        if stop is Stop.INTERRUPTED:
            yield from self._interrupt()
        if heard.type == "AUDIO":
            yield ReplyEnded(self.session, heard.content, stop)
        elif heard.type == "TEXT" and started is not None and started.role == "ASSISTANT":
            yield ReplyTextEnded(self.session, heard.content, stop)

    def _interrupt(self) -> Iterator[SessionEvent]:
        if not self._interrupted:
            self._interrupted = True
            yield Interrupted(self.session)
