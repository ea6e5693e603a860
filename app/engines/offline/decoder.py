"""The recogniser's own process: `python -m app.engines.offline.decoder`, spoken to over its standard input and output.

pocketsphinx holds the interpreter's lock while it works (a fifth of real time), so it never shares a process with
an event loop. Every message is one letter, four bytes of length (big-endian) and that many bytes. In: `V` a JSON object
{"rate": Hz, "words": [...]}, `A` PCM16 at that rate, `E` end of the phrase. Out: `R` once when loaded, `T` the text of
a phrase (UTF-8, perhaps empty) for each `E`. End of input ends the process: when the parent dies, so does this one.

Why these settings, on telephone speech of flite's rms voice: of the 126,000 words in the dictionary only the 12,000
that the language model finds likeliest are used, plus the prompt's, which halves the work (0.22 to 0.09, fed in one go)
and makes nothing worse; without the second (flat) pass the text is there 10 ms after the phrase instead of 90; the
cepstral mean is set to that of a telephone line, else the first utterance of a call is misheard.
"""

import json
import os
import signal
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pocketsphinx

HEADER = struct.Struct(">cI")
COMMON = -129_484  # log (base 1.0001) of a word's likelihood: 12,000 words are commoner
TELEPHONE_MEAN = "39.97,23.5,-24.86,52.52,-17.88,8.23,16.24,-28.36,11.97,-15.64,7.22,11.77,-12.63"
MODEL_RATE = 16_000
NICENESS = 5  # on a small machine the call's own processes go first
FILLER = ("<", "[", "++")


def messages(source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) until the input ends."""
    while len(header := source.read(HEADER.size)) == HEADER.size:
        kind, length = HEADER.unpack(header)
        yield kind, source.read(length)


def send(out: BinaryIO, kind: bytes, body: bytes = b"") -> None:
    out.write(HEADER.pack(kind, len(body)) + body)
    out.flush()


def pronunciations() -> dict[str, list[str]]:
    """Every word of the bundled dictionary with its ways of being said."""
    found: dict[str, list[str]] = {}
    with open(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as lines:
        for line in lines:
            entry, phones = line.strip().split(" ", 1)
            found.setdefault(entry.partition("(")[0], []).append(phones.strip())
    return found


def load() -> Any:
    """A decoder for free speech over the commonest words. About 0.5 s."""
    said = pronunciations()
    config = pocketsphinx.Config(loglevel="FATAL")
    model = pocketsphinx.NGramModel(config, pocketsphinx.LogMath(), pocketsphinx.get_model_path("en-us/en-us.lm.bin"))
    common = [word for word in said if model.prob([word]) >= COMMON]
    del model  # 27 MB that the decoder loads for itself
    with tempfile.NamedTemporaryFile("w", suffix=".dict", encoding="utf-8") as file:
        file.writelines(
            f"{word}{f'({nth})' if nth > 1 else ''} {phones}\n"
            for word in common
            for nth, phones in enumerate(said[word], 1)
        )
        file.flush()
        return pocketsphinx.Decoder(loglevel="FATAL", dict=file.name, fwdflat=False, cmninit=TELEPHONE_MEAN)


def add_words(decoder: Any, words: list[str]) -> None:
    """Let the decoder know the prompt's words too, where the dictionary says how they are pronounced."""
    unknown = [word for word in words if decoder.lookup_word(word) is None]
    said = pronunciations() if unknown else {}
    known = [word for word in unknown if word in said]
    for word in known:
        decoder.add_word(word, said[word][0], word == known[-1])


def resampler(rate: int) -> Callable[[bytes, bool], bytes]:
    """From `rate` to the model's. The piece that ends a phrase brings out what was held back."""
    if rate == MODEL_RATE:
        return lambda pcm, _last: pcm
    import numpy as np  # only where needed: each costs a spare process memory and start-up time
    import soxr

    stream = soxr.ResampleStream(rate, MODEL_RATE, 1, "int16", "HQ")

    def resample(pcm: bytes, last: bool) -> bytes:
        out = stream.resample_chunk(np.frombuffer(pcm, "<i2"), last=last)
        if last:
            stream.clear()
        return bytes(out.tobytes())

    return resample


def serve(source: BinaryIO, out: BinaryIO) -> None:
    decoder = load()
    send(out, b"R")
    convert = resampler(MODEL_RATE)
    listening = False
    for kind, body in messages(source):
        if kind == b"V":
            brief = json.loads(body)
            convert = resampler(brief["rate"])
            add_words(decoder, brief["words"])
        elif kind == b"A":
            if not listening:
                decoder.start_utt()
                listening = True
            if pcm := convert(body, False):  # a resampler may hold all of it back, and no samples are refused
                decoder.process_raw(pcm, False, False)
        elif kind == b"E":
            send(out, b"T", text_of(decoder, convert).encode() if listening else b"")
            listening = False


def text_of(decoder: Any, convert: Callable[[bytes, bool], bytes]) -> str:
    """End the phrase; its words without the marks for noises and for other ways of saying a word."""
    if held := convert(b"", True):
        decoder.process_raw(held, False, False)
    decoder.end_utt()
    best = decoder.hyp()
    words = best.hypstr.split() if best is not None else []
    return " ".join(word.partition("(")[0] for word in words if not word.startswith(FILLER))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; our end is the end of input
    os.nice(NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
