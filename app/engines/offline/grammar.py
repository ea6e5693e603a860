"""The menu recogniser's own process: `python -m app.engines.offline.grammar`, spoken to as `decoder` is.

`V` brings at most 30 words (or short phrases), `T` answers each utterance with one of them, or with nothing where that
is not sure. It never writes down free speech: two decoders hear each utterance, one that knows these words alone, and
one that knows any row of sounds. What was one of the words fits the first nearly as well as the second; anything else
fits the second far better. The difference, a frame of the word, is held against THRESHOLD; and the word must make up
most of what was said, or a long sentence that happens to end in one would pass.

THRESHOLD stands where a wrong word is rarer than one time in twenty (tests/engines/offline/test_grammar.py measures it
over a telephone line). A rejected word costs the caller a key; an accepted wrong one sends them somewhere.
"""

import json
import math
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, BinaryIO

import pocketsphinx

from app.engines.offline.decoder import MODEL_RATE, NICENESS, TELEPHONE_MEAN, messages, pronunciations, resampler, send

THRESHOLD = -20.0  # natural logarithm of the likelihoods' ratio, ten thousandths a frame
COVERED = 0.7  # of all that was sound
LONGEST_S = 3.0  # whoever says more is not naming a word
MOST_WORDS = 30


class Grammar:
    """`words` that the dictionary cannot pronounce are left out (and named on the standard error)."""

    def __init__(self, words: Iterable[str]) -> None:
        said = pronunciations()
        known = [word for word in words if all(part in said for part in word.split())]
        for word in set(words) - set(known):
            print(f"not in the dictionary, and never heard: {word!r}", file=sys.stderr)
        self._words = frozenset(known[:MOST_WORDS])
        self._few = _decoder(said, known[:MOST_WORDS])
        self._any = _decoder(said, known, allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"), lw=2.0)

    def word_of(self, pcm: bytes) -> str:
        """PCM16 at the model's rate, one utterance. "" where none of the words is sure."""
        if not pcm or len(pcm) > LONGEST_S * MODEL_RATE * 2:
            return ""
        word, likelihood, frames = _best(self._few, pcm)
        _, free, sounding = _best(self._any, pcm)
        if word not in self._words or frames < COVERED * sounding:
            return ""
        return word if (likelihood - free) / max(1, frames) >= THRESHOLD else ""


def _decoder(said: dict[str, list[str]], words: list[str], **options: Any) -> Any:
    with tempfile.NamedTemporaryFile("w", suffix=".dict", encoding="utf-8") as file:
        for part in sorted({part for word in words for part in word.split()}):
            for nth, phones in enumerate(said[part], 1):
                file.write(f"{part}{f'({nth})' if nth > 1 else ''} {phones}\n")
        file.flush()
        decoder = pocketsphinx.Decoder(loglevel="FATAL", dict=file.name, lm=None, cmninit=TELEPHONE_MEAN, **options)
    if words and not options:
        decoder.add_jsgf_string("menu", f"#JSGF V1.0; grammar menu; public <word> = {' | '.join(words)} ;")
        decoder.activate_search("menu")
    return decoder


def _best(decoder: Any, pcm: bytes) -> tuple[str, float, int]:
    """The best reading, its log likelihood in ten thousandths, and how many of its frames are sound."""
    decoder.start_utt()
    decoder.process_raw(pcm, False, True)
    decoder.end_utt()
    best = decoder.hyp()
    if best is None or best.best_score <= 0:
        return "", 0.0, 0
    silent = ("<", "(", "[", "+", "SIL")
    frames = sum(part.end_frame - part.start_frame + 1 for part in decoder.seg() if not part.word.startswith(silent))
    return best.hypstr, math.log(best.best_score) * 10_000, frames


def serve(source: BinaryIO, out: BinaryIO) -> None:
    send(out, b"R")
    grammar, convert, heard = None, resampler(MODEL_RATE), bytearray()
    for kind, body in messages(source):
        if kind == b"V":
            brief = json.loads(body)
            convert = resampler(brief["rate"])
            grammar = Grammar(brief["words"]) if brief["words"] else None
        elif kind == b"A":
            if len(heard) <= LONGEST_S * MODEL_RATE * 2:
                heard += convert(body, False)
        elif kind == b"E":
            heard += convert(b"", True)
            send(out, b"T", grammar.word_of(bytes(heard)).encode() if grammar else b"")
            heard.clear()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; our end is the end of input
    os.nice(NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
