"""The machine: Python, the native parts, disk, open files."""

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.doctor.findings import Finding, right, warning, wrong

NEEDED = (3, 13)
LEAST_MB, LITTLE_MB = 200, 2_000


async def python() -> Finding:
    return python_finding(sys.version_info[:2])


def python_finding(version: tuple[int, ...]) -> Finding:
    said = f"Python {'.'.join(map(str, version))} on {platform.machine()}"
    if version < NEEDED:
        return wrong(said, f"install Python {'.'.join(map(str, NEEDED))} or newer, then `make setup`")
    return right(said)


async def native() -> Finding:
    """Each native part does a little of its work: an import alone proves too little."""
    return await asyncio.to_thread(_native)


def _native() -> Finding:
    broken = [name for name, works in PARTS.items() if not _works(works)]
    if broken:
        return wrong(f"{', '.join(broken)} cannot be used", "install them for this platform: `make setup`")
    return right(", ".join(PARTS))


def _works(part: Callable[[], bool]) -> bool:
    try:
        return part()
    except Exception:  # whatever a library that does not fit the machine raises
        return False


def _crt() -> bool:
    from awscrt.io import ClientTlsContext, TlsContextOptions

    return ClientTlsContext(TlsContextOptions()) is not None


def _numpy() -> bool:
    import numpy as np

    return int(np.arange(160, dtype=np.int16).astype(np.int32).sum()) == 12_720


def _audioop() -> bool:
    import audioop

    return audioop.ulaw2lin(audioop.lin2ulaw(bytes(320), 2), 2) == bytes(320)


def _soxr() -> bool:
    import numpy as np
    import soxr

    return len(soxr.resample(np.zeros(800, dtype=np.float32), 8_000, 16_000)) == 1_600


def _uvloop() -> bool:
    import uvloop

    loop = uvloop.new_event_loop()
    try:
        return bool(loop.run_until_complete(asyncio.sleep(0, True)))
    finally:
        loop.close()


PARTS: dict[str, Callable[[], bool]] = {
    "CRT": _crt,
    "numpy": _numpy,
    "audioop": _audioop,
    "soxr": _soxr,
    "uvloop": _uvloop,
}


async def disk(data_dir: Path) -> Finding:
    return await asyncio.to_thread(_disk, data_dir)


def _disk(data_dir: Path) -> Finding:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=data_dir, prefix=".doctor-") as file:
            file.write(b"offhook")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return wrong(f"DATA_DIR {data_dir} cannot be written: {error.strerror}", "make it writable, or set DATA_DIR")
    free = shutil.disk_usage(data_dir).free // 1_000_000
    said = f"{free / 1000:.1f} GB free under {data_dir}"
    if free < LEAST_MB:
        return wrong(said, "free some space, or set DATA_DIR to another disk", free_mb=free)
    if free < LITTLE_MB:
        return warning(said, "journals and recordings grow: free some space", free_mb=free)
    return right(said, free_mb=free)
