"""Staff's files as text, and how one is written: wholly or not at all."""

from pathlib import Path

import pytest

from app.content.texts import write_whole


def test_a_file_is_replaced_wholly_and_keeps_its_mode(tmp_path: Path) -> None:
    page, link = tmp_path / "routes.yaml", tmp_path / "link.yaml"
    page.write_bytes(b"old")
    page.chmod(0o640)
    link.symlink_to(page)
    write_whole(link, b"new")
    assert (page.read_bytes(), page.stat().st_mode & 0o777, link.is_symlink()) == (b"new", 0o640, True)


def test_what_cannot_be_written_leaves_the_old_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "routes.yaml"
    page.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(page, b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
