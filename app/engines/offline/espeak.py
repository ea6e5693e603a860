"""espeak-ng as a library, from the `espeakng-loader` wheel: speech where nothing can be installed on the system.

The library keeps its state in globals and is not safe for threads, so one lock covers every use; ctypes lets go of the
interpreter's own lock while it works.
"""

import ctypes
from functools import cache
from threading import Lock
from types import ModuleType

SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come to the callback before espeak_Synth returns
DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: a missing voice must not end the process
UTF8 = 1
BY_CHARACTER = 1
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

_loading = Lock()  # two threads that speak first must not load it twice


class Library:
    """The loaded and initialised library."""

    def __init__(self, path: str, data: str) -> None:
        self._lock = Lock()
        self._pieces: list[bytes] = []
        self._callback = CALLBACK(self._take)  # kept alive as long as the library may call it
        self._c = ctypes.CDLL(path)
        self._c.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._rate: int = self._c.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DONT_EXIT)
        if self._rate <= 0:
            raise OSError(f"espeak-ng does not find its data in {data}")
        self._c.espeak_SetSynthCallback(self._callback)

    def synthesise(self, text: str, voice: str) -> tuple[bytes, int]:
        """PCM16 mono and its rate in Hz. An unknown voice is spoken with the plain English one."""
        with self._lock:
            self._pieces.clear()
            if self._c.espeak_SetVoiceByName(voice.encode()):
                self._c.espeak_SetVoiceByName(b"en")
            encoded = text.encode() + b"\0"
            self._c.espeak_Synth(encoded, len(encoded), 0, BY_CHARACTER, 0, UTF8, None, None)
            return b"".join(self._pieces), self._rate

    def _take(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if count > 0:
            self._pieces.append(ctypes.string_at(samples, count * 2))
        return 0


def library() -> Library | None:
    """The one library of this process, or None where the wheel is not installed or does not load."""
    with _loading:
        return _library()


@cache
def _library() -> Library | None:
    try:
        loader: ModuleType = __import__("espeakng_loader")
        return Library(loader.get_library_path(), loader.get_data_path())
    except (ImportError, OSError):
        return None
