"""Files as staff keep them, as text, and how one is written."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG

from app.content.faults import ContentError, Fault

LONGEST_BYTES = 1_000_000  # of one file; no page that a person writes comes near


def read_texts(content_dir: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Text by path within the content directory, of those that are there. Blocks on files. Raises `ContentError`."""
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for path in paths:
        name = path.relative_to(content_dir).as_posix()
        try:
            state = path.stat()
            if not S_ISREG(state.st_mode):  # reading a pipe or a device could last for ever
                faults.append(Fault(name, 0, "", "is no file", "Put a file in its place, or take it away"))
                continue
            if state.st_size > LONGEST_BYTES:
                faults.append(Fault(name, 0, "", f"is longer than {LONGEST_BYTES // 1000} KB", "Divide it"))
                continue
            texts[name] = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            faults.append(Fault(name, 0, "", "is not text in UTF-8", "Save it again as UTF-8"))
        except OSError as error:
            faults.append(Fault(name, 0, "", f"cannot be read ({error.strerror})", "Make it readable"))
    if faults:
        raise ContentError(faults)
    return texts


def write_whole(path: Path, data: bytes) -> None:
    """Wholly or not at all: nobody ever reads half a file. A file that is there keeps its mode. Raises `OSError`."""
    path = path.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            file.write(data)
            file.flush()
            part.chmod(mode)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
