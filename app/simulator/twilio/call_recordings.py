"""The recordings of a call, and what the application is told of them."""

from typing import TYPE_CHECKING

from app.simulator.twilio.identity import API_VERSION, sid
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.twiml import Verb

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call


class CallRecordings:
    def __init__(self, call: "Call") -> None:
        self._call = call
        self.all: list[Recording] = []
        self.from_answer = 0  # channels of a recording that begins when the call is answered; 0 for none

    def start(self, source: str, channels: int, noun: Verb) -> Recording:
        recording = Recording(
            sid("RE", self._call.plant.rng),
            source,
            channels,
            self._call.handset.advance(),
            noun.get("recordingStatusCallback"),
            noun.get("recordingStatusCallbackMethod", "POST"),
            noun.get("recordingStatusCallbackEvent", "completed").split(),
        )
        self.all.append(recording)
        self._report(recording)
        return recording

    def stop(self, recording: Recording) -> None:
        if recording.status != "completed":
            handset = self._call.handset
            recording.complete(handset.advance(), bytes(handset.said), bytes(handset.heard))
            self._call.journal.note("recorded", sid=recording.sid, ms=recording.duration_ms)
            self._report(recording)

    def stop_all(self) -> None:
        for recording in self.all:
            self.stop(recording)

    def fields(self, recording: Recording) -> dict[str, str]:
        """What the action of <Record> is told."""
        return {
            "RecordingUrl": self._url(recording),
            "RecordingSid": recording.sid,
            "RecordingDuration": str(round(recording.duration_ms / 1000)),
        }

    def _url(self, recording: Recording) -> str:
        account = self._call.party.account.sid
        return f"https://api.twilio.com/{API_VERSION}/Accounts/{account}/Recordings/{recording.sid}"

    def _report(self, recording: Recording) -> None:
        if recording.callback and recording.status in recording.events:
            call = self._call
            fields = recording.fields(call.party.account.sid, call.party.call_sid, self._url(recording))
            call.callbacks.post("recording", call.absolute(recording.callback), recording.callback_method, fields)
