"""The recordings of a call, and what the application is told of them."""

from typing import TYPE_CHECKING

from app.simulator.twilio.identity import API_VERSION, sid
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.twiml import Verb

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

EVENTS = frozenset({"in-progress", "completed", "absent"})


class CallRecordings:
    def __init__(self, call: "Call") -> None:
        self._call = call
        self.all: list[Recording] = []
        self.at_answer: tuple[int, Verb] | None = None  # channels and order of one that begins with the answer

    def start(self, source: str, channels: int, noun: Verb, track: str = "both", trim: bool = False) -> Recording:
        """`noun` says whom to tell (its recordingStatusCallback...)."""
        recording = Recording(
            sid("RE", self._call.plant.rng),
            source,
            channels,
            self._call.handset.advance(),
            noun.get("recordingStatusCallback"),
            noun.get("recordingStatusCallbackMethod", "POST"),
            noun.get("recordingStatusCallbackEvent", "completed").split(),
            track,
            trim,
        )
        for event in set(recording.events) - EVENTS:
            self._call.journal.warn(12200, f"recordingStatusCallbackEvent {event:.40} is none; left out")
        self.all.append(recording)
        self._report(recording)
        return recording

    def stop(self, recording: Recording) -> None:
        if not recording.over:
            handset = self._call.handset
            recording.complete(handset.advance(), bytes(handset.said), bytes(handset.heard))
            self._call.journal.note("recorded", sid=recording.sid, ms=recording.duration_ms)
            self._report(recording)

    def stop_all(self, recording_sid: str = "") -> None:
        for recording in self.all:
            if recording_sid in ("", recording.sid):
                self.stop(recording)

    def fields(self, recording: Recording) -> dict[str, str]:
        """What the action of <Record> or <Dial record> is told."""
        return {
            "RecordingUrl": self._url(recording),
            "RecordingSid": recording.sid,
            "RecordingDuration": str(recording.seconds),
        }

    def _url(self, recording: Recording) -> str:
        account = self._call.party.account.sid
        return f"{self._call.plant.api_url}/{API_VERSION}/Accounts/{account}/Recordings/{recording.sid}"

    def _report(self, recording: Recording) -> None:
        if recording.callback and recording.status in recording.events:
            call = self._call
            fields = recording.fields(call.party.account.sid, call.party.call_sid, self._url(recording))
            call.callbacks.post("recording", call.absolute(recording.callback), recording.callback_method, fields)
