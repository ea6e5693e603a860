"""A worker does not outlive its parent: nobody would be left to stop it."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """Get SIGTERM when the parent ends, however it ends (Linux). Elsewhere a worker of a killed parent stays."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:  # it had ended already
        raise SystemExit(1)
