"""One deed is one deed, however often it is asked for."""

from app.tools.deeds import Deed, Deeds

SOURCE = "tools/desk.py"


def book(deeds: Deeds, slot: str = "nine", tool: str = "book", call: str = "CA1") -> Deed:
    return deeds.deed(call, SOURCE, tool, {"slot": slot})


def done(deeds: Deeds, deed: Deed) -> str:
    deeds.begin(deed)
    deeds.done(deed, "done")
    return deed.key


def test_the_same_again_is_the_same_deed_and_has_its_result() -> None:
    deeds = Deeds()
    key = done(deeds, book(deeds))
    again = book(deeds)
    assert (again.key, deeds.result(again)) == (key, "done")


def test_other_arguments_another_tool_and_another_call_are_other_deeds() -> None:
    deeds = Deeds()
    keys = {book(deeds).key, book(deeds, "ten").key, book(deeds, tool="cancel").key, book(deeds, call="CA2").key}
    assert len(keys) == 4


def test_the_key_is_the_same_in_another_process_and_tells_nothing_of_the_arguments() -> None:
    assert book(Deeds()).key == book(Deeds()).key
    assert "nine" not in book(Deeds()).key


def test_book_cancel_and_book_again_are_three_deeds() -> None:
    deeds = Deeds()
    first, off = done(deeds, book(deeds)), done(deeds, book(deeds, tool="cancel"))
    again = book(deeds)
    assert again.key not in {first, off}
    assert deeds.result(again) is None


def test_what_was_not_done_is_tried_again_with_its_key_whatever_else_was_done() -> None:
    deeds = Deeds()
    lost = book(deeds)
    deeds.begin(lost)
    deeds.not_done(lost)
    done(deeds, book(deeds, "ten"))
    assert book(deeds).key == lost.key
    deeds.begin(lost)
    deeds.done(lost, "done")
    assert deeds.result(book(deeds)) == "done"


def test_deeds_of_another_file_change_nothing() -> None:
    deeds = Deeds()
    key = done(deeds, book(deeds))
    done(deeds, deeds.deed("CA1", "tools/letters.py", "write", {}))
    assert book(deeds).key == key


def test_a_deed_that_runs_is_known_to_run() -> None:
    deeds = Deeds()
    deed = book(deeds)
    deeds.begin(deed)
    assert deeds.running(book(deeds)) and not deeds.running(book(deeds, "ten"))
    deeds.done(deed, "done")
    assert not deeds.running(deed)


def test_a_call_that_is_over_is_forgotten_and_what_comes_late_is_harmless() -> None:
    deeds = Deeds()
    deed = book(deeds)
    deeds.begin(deed)
    deeds.forget("CA1")
    deeds.done(deed, "late")
    assert deeds.result(deed) is None


def test_memory_is_bounded() -> None:
    deeds = Deeds()
    for at in range(5_000):
        done(deeds, book(deeds, call=f"CA{at}"))
    assert deeds.result(book(deeds, call="CA1")) is None
    assert deeds.result(book(deeds, call="CA4999")) == "done"
