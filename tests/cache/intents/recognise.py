"""Makes `heard.json`: every utterance spoken by flite's rms voice, sent through a telephone line (8 kHz mu-law), and
recognised by the offline engine exactly as in a call: free speech, and the words of the shipped front desk's prompt.

`python -m tests.cache.intents.recognise` adds what is new, and with `all` makes everything again (a second or two for
each). Each utterance is a caller of its own, so that none
depends on what was recognised before it.
"""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from app.engines.offline.recognise import Recognisers
from app.engines.offline.speak import speak
from app.engines.offline.understand import Understanding
from app.prompts.library import load_prompts
from tests.cache.intents.corpus import HEARD, utterances
from tests.cache.intents.corpus import heard as heard_before
from tests.engines.offline.telephone import heard, over_the_line

CONTENT = Path(__file__).parents[3]
VOICE = "rms"
AT_ONCE = 2


async def recognised(texts: Iterable[str]) -> dict[str, str]:
    """Utterance -> what the recogniser made of it, small letters and no figures."""
    prompts = load_prompts(CONTENT)
    vocabulary = Understanding(prompts.agents["front-desk"].instructions, ()).vocabulary
    recognisers = Recognisers()
    await recognisers.start()
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(text: str) -> str:
        async with turns:
            line = over_the_line(await asyncio.to_thread(speak, text, VOICE, 8_000))
            recogniser = recognisers.take()
            recogniser.begin(16_000, vocabulary)
            try:
                return await heard(recogniser, line, 16_000)
            finally:
                await recognisers.give_back(recogniser)

    try:
        wanted = list(texts)
        return dict(zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True))
    finally:
        await recognisers.close()


if __name__ == "__main__":
    everything = [utterance.text for utterance in utterances()]
    kept = {} if "all" in sys.argv[1:] else heard_before()
    made = asyncio.run(recognised(text for text in everything if text not in kept))
    found = {text: (kept | made)[text] for text in everything}
    HEARD.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
