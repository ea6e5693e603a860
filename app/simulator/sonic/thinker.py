"""A stream's mind: opened with the first sound or live text, and told what came before it was open."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from app.simulator.mind import Brief, Mind, MindFactory, Thought
from app.simulator.sonic.intake import AudioHeard, LiveText


class Thinker:
    """`thought` is called with each thought. `failed` is called where the mind fails, or a thought cannot be told."""

    def __init__(self, mind: MindFactory, thought: Callable[[Thought], None], failed: Callable[[], None]) -> None:
        self._factory = mind
        self._thought = thought
        self._failed = failed
        self._mind: Mind | None = None
        self._task: asyncio.Task[None] | None = None
        self._unheard: list[AudioHeard | LiveText] = []  # until the mind is open
        self._odd_byte = b""

    @property
    def began(self) -> bool:
        return self._task is not None

    def begin(self, brief: Callable[[], Brief]) -> asyncio.Task[None]:
        """Its task is the caller's to keep. `brief` is asked when the mind opens."""
        self._task = asyncio.get_running_loop().create_task(self._think(brief))
        return self._task

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def take(self, taken: AudioHeard | LiveText) -> None:
        if self._mind is None:
            self._unheard.append(taken)
        elif isinstance(taken, LiveText):
            self._mind.read(taken.text)
        else:
            self._hear(self._mind, taken.pcm)

    def take_result(self, tool_use_id: str, content: object) -> None:
        if self._mind is not None:
            self._mind.take_result(tool_use_id, content)

    def _hear(self, mind: Mind, pcm: bytes) -> None:
        if self._odd_byte or len(pcm) % 2:  # a mind hears whole samples
            pcm = self._odd_byte + pcm
            whole = len(pcm) & ~1
            pcm, self._odd_byte = pcm[:whole], pcm[whole:]
        if pcm:
            mind.hear(pcm)

    async def _think(self, brief: Callable[[], Brief]) -> None:
        mind = self._factory()
        try:
            await mind.open(brief())
            self._mind = mind
            waiting, self._unheard = self._unheard, []
            for taken in waiting:
                self.take(taken)
            async for thought in mind.thoughts():
                self._thought(thought)
        except Exception:
            self._failed()
        finally:
            self._mind = None
            with suppress(Exception):
                await mind.close()
