"""What the CRT's threads need to be told: two settings that its Python door does not offer, each worth milliseconds.

**Nagle's algorithm.** The CRT leaves it on. A frame of speech then waits until the one before is acknowledged, and the
other end delays that by up to 40 ms: with 25 calls a connection carried less than 1.3 MB a second and fell behind for
good. The socket is found by its far port among the process's own descriptors; another one with the same far port gets
the same treatment, which harms nobody.

**The thread's Python state.** Each callback from a thread that Python does not know makes a thread state with a stack
of its own and throws it away afterwards, three times for every write: 55 to 68 us of the CRT's thread an event. A
thread that holds one reference to its state keeps it: 20 to 27 us. The state goes with the process.
"""

import ctypes
import os
import socket
import threading

_kept = threading.local()


def keep_thread_state() -> None:
    """To be called on a thread of the CRT, from one of its callbacks. Costs nothing when called again."""
    if threading.get_ident() == threading.main_thread().ident or getattr(_kept, "yes", False):
        return
    _kept.yes = True
    ctypes.pythonapi.PyGILState_Ensure()  # never released: one reference more than the callback's own


def send_at_once(port: int) -> int:
    """Set TCP_NODELAY on every TCP socket of this process whose far end is `port`; how many. Never raises.

    Looks at each open descriptor (about 2 us): for a thread, where there are many calls."""
    try:
        descriptors = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return 0
    return sum(_quicken(descriptor, port) for descriptor in descriptors)


def _quicken(descriptor: int, port: int) -> bool:
    try:
        borrowed = socket.socket(fileno=descriptor)
    except OSError:
        return False  # no socket, or closed since
    try:
        there = borrowed.getpeername()
        if not isinstance(there, tuple) or there[1] != port:
            return False
        borrowed.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True
    except OSError:
        return False
    finally:
        borrowed.detach()  # the descriptor stays its owner's
