"""The demo on a terminal: the conversation as it happens, a latency waterfall a turn, and a summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.call import commands as c
from app.call import events as e
from app.cli.demo_onward import told_of, told_outside

BAR_MS = 2_000  # the width of a waterfall
BAR, LONGEST_BAR = 44, 60  # columns

# part -> colour; each is drawn from the end of the one before it
PARTS = {"endpointing": "grey50", "model text": "cyan", "model audio": "blue", "ours": "bright_green"}


# What became of the model's own answer, where a phrase was quicker.
_KEPT: Mapping[c.Kept, str] = {
    "swapped": "the model is kept from answering: its session is changed for one that knows what was said",
    "hushed": "the model's own answer is not heard",
    "plain": "the model has nothing to answer",
}


@dataclass(slots=True)
class Tally:
    turns: list[c.TurnMeasured] = field(default_factory=list)
    barge_ins: list[c.BargeInMeasured] = field(default_factory=list)
    clears_ms: list[float] = field(default_factory=list)
    cached_ms: list[float] = field(default_factory=list)  # from the caller's words to the answer at the telephone
    first_word_ms: float | None = None
    tokens: int = 0
    disposition: str = ""


class Show:
    """Told by the bridge (`watch`) and by the telephone (`telephone_*`); prints at once."""

    def __init__(self, console: Console, phrases: Mapping[str, str]) -> None:
        self.tally = Tally()
        self._console = console
        self._phrases = phrases
        self._began_ms: int | None = None
        self._stream_ms: float | None = None
        self._onset_ms: float | None = None
        self._words_ms: float | None = None  # of the turn that a phrase answers
        self._heard_ms = 0.0
        self._keys = ""  # pressed and not yet shown
        self._streaming = False

    def watch(self, call_sid: str, at_ms: int, event: e.Event, commands: Sequence[c.Command]) -> None:
        if self._began_ms is None:
            self._began_ms = at_ms
        match event:
            case e.UserText(text=text):
                self._heard_ms = at_ms
                self._line(at_ms, "caller", escape(text), "bold yellow")
            case e.ReplyText(text=text, stage=e.Stage.SPECULATIVE):
                self._line(at_ms, "offhook", escape(text), "bold cyan")
            case e.ToolCalled(name=name, arguments=arguments):
                self._line(at_ms, "tool", escape(f"{name} {arguments}"), "magenta")
            case e.ToolAnswered(result=result, ms=ms):
                self._line(at_ms, "tool", escape(f"{result[:90]}  ({ms} ms)"), "magenta")
            case e.KeyPressed(key=key):
                self._keys += key
            case e.UsageReported():
                self.tally.tokens += event.speech_in + event.speech_out + event.text_in + event.text_out
        for command in commands:
            self._show_command(at_ms, command)
        for words in told_of(event, commands):
            self._line(at_ms, "transfer", escape(words), "green")

    def _show_command(self, at_ms: int, command: c.Command) -> None:
        match command:
            case c.Note("phrase", name) if name in self._phrases:
                words = f"{escape(self._phrases[name])}  [bright_green](from the cache)[/]"
                self._line(at_ms, "offhook", words, "bold cyan")
            case c.AnsweredByPhrase():
                self._words_ms = self._heard_ms
                self._detail(_KEPT[command.how])
            case c.TurnMeasured():
                self.tally.turns.append(command)
                if command.answered_by == "model":
                    self._waterfall(command)
            case c.BargeInMeasured("confirmed", _, cut_ms):
                self.tally.barge_ins.append(command)
                self._detail(f"interrupted: {cut_ms / 1000:.1f} s of speech dropped unheard")
            case c.EndCall(disposition):
                self.tally.disposition = disposition
                self._line(at_ms, "call", f"ended: {disposition}", "bold")

    def telephone_stream_started(self, at_ms: float) -> None:
        self._stream_ms, self._streaming = at_ms, True

    def telephone_got_audio(self, at_ms: float) -> None:
        if self.tally.first_word_ms is None and self._stream_ms is not None:
            self.tally.first_word_ms = at_ms - self._stream_ms
            self._detail(f"at the telephone {self.tally.first_word_ms:.0f} ms after its stream began")
        if self._words_ms is not None:
            took, self._words_ms = at_ms - self._words_ms, None
            self.tally.cached_ms.append(took)
            self._detail(f"from the cache, [bright_green]{took:.0f} ms[/] from the caller's words to the telephone")

    def telephone_stream_ended(self, at_ms: float) -> None:
        self._streaming = False

    def telephone_outside(self, at_ms: float, name: str, detail: Mapping[str, object]) -> None:
        """What the carrier does with the caller, and what they do there, where no stream tells of it."""
        if not self._streaming and (told := told_outside(name, detail)):
            self._line(at_ms, told[0], escape(told[1]), "bold yellow" if told[0] == "caller" else "green")

    def telephone_caller_started(self, at_ms: float) -> None:
        self._onset_ms = at_ms

    def telephone_cleared(self, at_ms: float) -> None:
        if self._onset_ms is not None:
            took = at_ms - self._onset_ms
            self.tally.clears_ms.append(took)
            self._detail(f"silent {took:.0f} ms after the caller's first sound")

    def _line(self, at_ms: float, who: str, words: str, style: str) -> None:
        if self._keys:
            keys, self._keys = self._keys, ""
            self._line(at_ms, "caller", f"presses {' '.join(keys)}", "bold yellow")
        seconds = (at_ms - (self._began_ms or at_ms)) / 1000
        self._console.print(f"[dim]{seconds:6.2f}[/]  [{style}]{who:>8}[/]  {words}", soft_wrap=True)

    def _detail(self, words: str) -> None:
        self._console.print(f"{'':16}  [dim]{words}[/]", soft_wrap=True)

    def _waterfall(self, turn: c.TurnMeasured) -> None:
        parts = parts_of(turn)
        if parts:
            total = sum(parts.values())
            figures = " + ".join(f"{name} {ms}" for name, ms in parts.items())
            self._console.print(Text(" " * 18), bar(parts), Text(f" {total} ms", style="bold"), sep="")
            self._detail(f"{figures} ms after the caller's last sound")

    def summary(self, messages: Sequence[str] = ()) -> Table:
        """`messages`: what the caller left for staff, in words."""
        table = Table(box=None, show_header=False, padding=(0, 2))
        tally = self.tally
        by_model = [turn for turn in tally.turns if turn.answered_by == "model"]
        turns = [parts for turn in by_model if (parts := parts_of(turn))]
        totals = [sum(parts.values()) for parts in turns]
        ours = [parts["ours"] for parts in turns]
        if tally.first_word_ms is not None:
            table.add_row(
                "first word", f"{tally.first_word_ms:.0f} ms after the telephone's stream began, from rendered audio"
            )
        if tally.cached_ms:
            table.add_row(
                "from the cache",
                f"{len(tally.cached_ms)} answers, median {median(tally.cached_ms):.0f} ms from words to telephone",
            )
        if totals:
            table.add_row(
                "by the model", f"{len(totals)} answers, median {median(totals):.0f} ms to the first frame of one"
            )
            table.add_row(
                "of that ours", f"{median(ours):.0f} ms from the model's first audio; the rest is the engine's own"
            )
        for barge_in, clear in zip(tally.barge_ins, tally.clears_ms, strict=False):
            table.add_row("interruption", f"silent after {clear:.0f} ms, {barge_in.cut_ms / 1000:.1f} s never heard")
        for message in messages:
            table.add_row("for staff", message)
        table.add_row("ended", tally.disposition or "?")
        return table


def parts_of(turn: c.TurnMeasured) -> dict[str, int]:
    """Each part's own ms, in order; empty where the caller's last sound or our first frame was not seen."""
    if turn.caller_stopped_ms is None or turn.first_frame_ms is None:
        return {}
    ends = [turn.transcript_ms, turn.first_text_ms, turn.first_audio_ms, turn.first_frame_ms]
    parts, before = {}, turn.caller_stopped_ms
    for name, at in zip(PARTS, ends, strict=True):
        if at is not None and at >= before:
            parts[name], before = at - before, at
    return parts


def bar(parts: dict[str, int]) -> Text:
    """One block a part, to scale (a smaller one for a long wait); what took no time still shows as a hair."""
    text = Text()
    scale = min(BAR / BAR_MS, LONGEST_BAR / max(1, sum(parts.values())))
    for name, ms in parts.items():
        width = max(1, round(ms * scale)) if ms else 0
        text.append("█" * width if ms else "▏", style=PARTS[name])
    return text
