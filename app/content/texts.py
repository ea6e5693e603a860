"""Files as staff keep them, as text."""

from collections.abc import Iterable
from pathlib import Path

from app.content.faults import ContentError, Fault

LONGEST_BYTES = 1_000_000  # of one file; no page that a person writes comes near


def read_texts(content_dir: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Text by path within the content directory, of those that are there. Blocks on files. Raises `ContentError`."""
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for path in paths:
        name = path.relative_to(content_dir).as_posix()
        try:
            if path.stat().st_size > LONGEST_BYTES:
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
