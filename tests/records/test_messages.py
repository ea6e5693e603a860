"""What callers leave for staff, in a real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.records.messages import MessageBook, Word

VOICEMAIL = Word("RE1", "voicemail", "CA1", 1_000, caller="+14155550123", recording_url="https://x/RE1")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[MessageBook]:
    book = MessageBook(f"sqlite:///{tmp_path}/new/messages.db")
    yield book
    book.close()


def test_a_message_told_twice_is_one_and_the_later_telling_fills_in_what_was_missing(book: MessageBook) -> None:
    book.keep(VOICEMAIL)
    book.keep(Word("RE1", "voicemail", "CA1", 2_000, caller="somebody else", about="a wheel", seconds=9))
    (kept,) = book.all()
    assert (kept.caller, kept.about, kept.seconds, kept.left_at_ms) == ("+14155550123", "a wheel", 9, 1_000)


def test_many_who_tell_the_same_at_once_leave_one(book: MessageBook) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(book.keep, [VOICEMAIL] * 24))
    assert len(book.all()) == 1


def test_open_ones_come_first_and_the_first_done_counts(book: MessageBook) -> None:
    for number in range(3):
        book.keep(Word(f"K{number}", "call_back", f"CA{number}", number, about=f"wish {number}"))
    newest = book.all()[0]
    assert newest.about == "wish 2"
    assert book.mark_done(newest.id, 5_000) and book.mark_done(newest.id, 6_000)
    assert not book.mark_done(999, 1)
    assert [kept.about for kept in book.all()] == ["wish 1", "wish 0"]
    assert [kept.about for kept in book.all(done=True)] == ["wish 1", "wish 0", "wish 2"]
    found = book.get(newest.id)
    assert found is not None and found.done_at_ms == 5_000
    assert book.get(999) is None
