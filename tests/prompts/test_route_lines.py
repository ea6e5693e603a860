"""A route written into staff's own text: everything else stays as they wrote it."""

import pytest

from app.content.faults import ContentError
from app.content.page import read_page
from app.prompts.route_lines import with_route

NEW = "+15035550199"


def data(text: str) -> dict[str, object]:
    found = read_page(text, "routes.yaml").data
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "default: desk # the shop\nnumbers: # ours\n  +15550100: desk # main\n\n# hours follow\nhours: {}\n",
            "default: desk # the shop\nnumbers: # ours\n  +15550100: desk # main\n  +15035550199: {agent: night}\n\n"
            "# hours follow\nhours: {}\n",
        ),
        ("default: desk\n", "default: desk\n\nnumbers:\n  +15035550199: {agent: night}\n"),
        ("default: desk", "default: desk\n\nnumbers:\n  +15035550199: {agent: night}"),
        ("numbers: # none\ndefault: desk\n", "numbers: # none\n  +15035550199: {agent: night}\ndefault: desk\n"),
        ("numbers: {}\ndefault: desk\n", "numbers: {+15035550199: {agent: night}}\ndefault: desk\n"),
        (
            "numbers: {+15550100: {agent: desk}, }\ndefault: desk\n",
            "numbers: {+15550100: {agent: desk}, +15035550199: {agent: night}, }\ndefault: desk\n",
        ),
        (
            "default: desk\r\nnumbers:\r\n    +15550100:\r\n        agent: desk\r\n        hours: shop # ours\r\n",
            "default: desk\r\nnumbers:\r\n    +15550100:\r\n        agent: desk\r\n        hours: shop # ours\r\n"
            "    +15035550199: {agent: night}\r\n",
        ),
        (
            "default: {agent: night, hours: shop, closed: 'gone home'}\nnumbers:\n  +15550100: desk\n",
            "default: {agent: night, hours: shop, closed: 'gone home'}\nnumbers:\n  +15550100: desk\n"
            "  +15035550199: {agent: night, hours: shop, closed: 'gone home'}\n",
        ),
        (
            "default: desk\nnumbers:\n  +15035550199: desk # main\n",
            "default: desk\nnumbers:\n  +15035550199: night # main\n",
        ),
        (
            "default: desk\nnumbers:\n  '+15035550199': {hours: shop, agent: \"desk\"} # main\n",
            "default: desk\nnumbers:\n  '+15035550199': {hours: shop, agent: night} # main\n",
        ),
        (
            "default: desk\nnumbers:\n  +15035550199:\n    hours: shop\n    agent: desk # main\n",
            "default: desk\nnumbers:\n  +15035550199:\n    hours: shop\n    agent: night # main\n",
        ),
        (
            "default: desk\nnumbers:\n  +15035550199: night # x\n",
            "default: desk\nnumbers:\n  +15035550199: night # x\n",
        ),
    ],
)
def test_a_route_takes_its_place_and_nothing_else_moves(before: str, after: str) -> None:
    assert with_route(before, NEW, "night") == after
    numbers = data(after)["numbers"]
    assert isinstance(numbers, dict)
    rule = numbers[NEW]
    assert (rule if isinstance(rule, str) else rule["agent"]) == "night"


def test_a_page_in_one_line_is_left_to_a_person() -> None:
    with pytest.raises(ContentError, match="by hand"):
        with_route("{default: desk}", NEW, "night")
