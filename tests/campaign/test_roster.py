"""Staff's file: read whole, and each mistake told with its line, column and fix, without a number."""

from datetime import date

import pytest

from app.campaign.roster import Defaults, Row, read_do_not_call, read_roster
from app.content.faults import ContentError

DEFAULTS = Defaults(date(2026, 6, 1), {"desk", "night"}, "desk", "")
GOOD = """\ufeffnumber, consent ,timezone,agent,name,slot
+14155550100,2026-05-31,America/New_York,,"Anna, the first",
 +14155550101 ,no,Europe/Berlin,night,,9 o'clock

"""


def faults(text: str, defaults: Defaults = DEFAULTS) -> list[str]:
    with pytest.raises(ContentError) as wrong:
        read_roster(text, "spring.csv", defaults)
    return [str(fault) for fault in wrong.value.faults]


def test_each_row_has_its_agent_its_clock_and_its_facts() -> None:
    assert read_roster(GOOD, "spring.csv", DEFAULTS) == [
        Row(2, "+14155550100", "desk", "America/New_York", True, {"name": "Anna, the first"}),
        Row(3, "+14155550101", "night", "Europe/Berlin", False, {"slot": "9 o'clock"}),
    ]


def test_a_file_without_consent_is_refused() -> None:
    (fault,) = faults("number,timezone\n+14155550100,UTC\n")
    assert fault == "spring.csv:1: consent: the column is missing. Write consent into the first line, with a comma"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("4155550100,yes,UTC,", "spring.csv:2: number: is no number with its country. Write it as +15550100"),
        ("+14155550100,,UTC,", "spring.csv:2: consent: does not say whether they agreed to be called. Write yes"),
        ("+14155550100,perhaps,UTC,", "spring.csv:2: consent: does not say whether they agreed"),
        ("+14155550100,2026-06-02,UTC,", "spring.csv:2: consent: lies in the future"),
        ("+14155550100,yes,,", "spring.csv:2: timezone: is missing. Write one such as America/New_York, or give"),
        ("+14155550100,yes,Mars/Base,", "spring.csv:2: timezone: 'Mars/Base' is no time zone"),
        ("+14155550100,yes,UTC,nobody", "spring.csv:2: agent: 'nobody' places no calls. There are: desk, night"),
        ("+14155550100,yes", "spring.csv:2: has 2 cells, the first line 4"),
    ],
)
def test_a_mistake_names_its_line_column_and_fix(cells: str, told: str) -> None:
    (fault,) = faults(f"number,consent,timezone,agent\n{cells}\n")
    assert fault.startswith(told) and "4155550100" not in fault


def test_every_fault_of_the_file_is_told_at_once() -> None:
    found = faults("number,consent,timezone\n1,yes,UTC\n+14155550100,yes,UTC\n+14155550100,yes,UTC\n")
    assert found[1] == "spring.csv:4: number: stands in line 3 already. Remove one of the two lines"
    assert len(found) == 2


def test_what_an_agent_cannot_be_told_is_refused() -> None:
    (fault,) = faults(f"number,consent,timezone,name\n+14155550100,yes,UTC,{'a' * 300}\n")
    assert "facts: hold name, which is not one line of 200 characters at the most" in fault


@pytest.mark.parametrize("text", ["", "number,consent\n", "number,consent,number\n", 'number,consent\n"+1\n'])
def test_what_is_no_list_of_people_is_refused(text: str) -> None:
    assert faults(text)


def test_who_is_not_to_be_called_stands_in_a_file_of_numbers() -> None:
    text = "number\n+14155550100\n# asked in May\n\n+14155550101 # twice\n"
    assert read_do_not_call(text, "no.txt") == {"+14155550100", "+14155550101"}
    with pytest.raises(ContentError, match=r"no\.txt:1: number: is no number with its country"):
        read_do_not_call("415 555 0100\n", "no.txt")
