# mypy: ignore-errors
"""One conversation of pipecat's own Nova Sonic service. Run by `pipecat_sonic.py` in an environment of pipecat's own.

The service is used as it comes; only the address of its client is set, since it knows the regions' addresses alone.
Two utterances are a tone and a pause each; the second one makes the model ask for a tool.
"""

import asyncio
import json
import math
import os
import struct

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    LLMRunFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import WorkerRunner
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.aws.nova_sonic.llm import AWSNovaSonicLLMService

ENDPOINT = os.environ["SONIC_ENDPOINT"]
PATIENCE_S = 15
FRAME_MS = 20
RATE = 16_000


class LocalService(AWSNovaSonicLLMService):
    def create_client(self):
        client = super().create_client()
        client._config.endpoint_uri = ENDPOINT
        return client


class Witness(FrameProcessor):
    """Notes what passes it, and passes it on."""

    def __init__(self):
        super().__init__()
        self.user, self.bot, self.audio, self.errors = [], [], 0, []
        self.changed = asyncio.Event()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self.user.append(frame.text)
        elif isinstance(frame, LLMTextFrame):
            self.bot.append(frame.text)
        elif isinstance(frame, TTSAudioRawFrame):
            self.audio += len(frame.audio)
        elif isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        self.changed.set()
        await self.push_frame(frame, direction)

    async def until(self, met):
        async with asyncio.timeout(PATIENCE_S):
            while not met():
                self.changed.clear()
                await self.changed.wait()


def frames(ms, loud):
    count = RATE * FRAME_MS // 1000
    for number in range(ms // FRAME_MS):
        at = range(number * count, (number + 1) * count)
        samples = [int(9000 * math.sin(2 * math.pi * 300 * i / RATE)) if loud else 0 for i in at]
        yield InputAudioRawFrame(struct.pack(f"<{count}h", *samples), RATE, 1)


async def microphone(worker, speak):
    """Silence, and an utterance whenever `speak` is set."""
    while True:
        loud = speak.is_set()
        speak.clear()
        for frame in frames(600 if loud else 100, loud):
            await worker.queue_frame(frame)
            await asyncio.sleep(FRAME_MS / 1000)


async def converse(worker, heard, said, speak, tool_done):
    await asyncio.sleep(1)  # the service connects by itself and says nothing of it
    speak.set()
    await said.until(lambda: "Good morning." in said.bot and said.audio)
    await heard.until(lambda: heard.user)
    await asyncio.sleep(1)
    speak.set()
    await said.until(lambda: "It is in the post." in said.bot)
    await asyncio.wait_for(tool_done.wait(), PATIENCE_S)
    await worker.queue_frame(EndFrame())


async def main():
    settings = AWSNovaSonicLLMService.Settings(voice="tiffany", system_instruction="You know where parcels are.")
    service = LocalService(secret_access_key="peer-secret", access_key_id="PEER", region="us-east-1", settings=settings)
    tool_done, speak, heard, said = asyncio.Event(), asyncio.Event(), Witness(), Witness()

    async def find_parcel(params, number: str):
        """Say where a parcel is.

        Args:
            number: The parcel's number.
        """
        tool_done.set()
        await params.result_callback({"place": "in the post"})

    context = LLMContext(tools=[find_parcel])
    pair = LLMContextAggregatorPair(context)
    pipeline = Pipeline([pair.user(), heard, service, said, pair.assistant()])
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=24_000))
    await worker.queue_frame(LLMRunFrame())
    talks = [asyncio.create_task(microphone(worker, speak))]
    talks += [asyncio.create_task(converse(worker, heard, said, speak, tool_done))]
    running = asyncio.create_task(WorkerRunner(handle_sigint=False).run(worker))
    await asyncio.wait({running, talks[1]}, return_when=asyncio.FIRST_COMPLETED, timeout=3 * PATIENCE_S)
    if talks[1].done() and not talks[1].exception():
        await asyncio.wait({running}, timeout=PATIENCE_S)
    talks[0].cancel()
    failure = talks[1].exception() if talks[1].done() else TimeoutError()
    user, errors = heard.user + said.user, heard.errors + said.errors
    seen = {"user": user, "assistant": said.bot, "audio_bytes": said.audio, "errors": errors}
    print(json.dumps(seen | {"failure": repr(failure) if failure else None}), flush=True)
    os._exit(
        0 if user and said.bot and said.audio and not failure else 1
    )  # what hangs in a failed talk is not waited for


if __name__ == "__main__":
    asyncio.run(main())
