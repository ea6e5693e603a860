from app.engines.offline.telling import NOTHING, tell


def test_fields_become_sentences_in_their_order() -> None:
    result = {"status": "ready", "pickupDay": "Tuesday", "total": 42.5, "paid": True, "note": None}
    assert tell(result) == ("The status is ready.", "The pickup day is Tuesday.", "The total is 42.5.", "Paid: yes.")


def test_a_sentence_of_the_tool_itself_is_preferred() -> None:
    assert tell({"status": "ready", "say": "It is ready. Come by!"}) == ("It is ready.", "Come by!")


def test_lists_are_told_with_an_and() -> None:
    assert tell({"items": ["a bell", "a lamp", "a lock"]}) == ("The items are a bell, a lamp and a lock.",)
    assert tell([{"shelf": "B 2"}, {"shelf": "C 1"}]) == ("The shelf is B 2.", "The shelf is C 1.")


def test_nothing_found_and_errors_are_said_plainly() -> None:
    assert tell({"found": False}) == (NOTHING,)
    assert tell({"error": "KeyError: 4"}) == ("I am sorry, that did not work.",)
    assert tell(None) == tell({}) == tell([]) == (NOTHING,)


def test_inner_documents_carry_their_name() -> None:
    assert tell({"order": {"state": "in_repair"}}) == ("The order state is in repair.",)


def test_at_most_six_sentences_are_told() -> None:
    assert len(tell({f"field {n}": n for n in range(20)})) == 6
