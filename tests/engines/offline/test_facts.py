from app.engines.offline.facts import greeting_of, narrowed, read_facts
from app.engines.offline.words import terms
from tests.engines.offline.desks import LIBRARY_PROMPT, SHOP_PROMPT


def texts(prompt: str) -> list[str]:
    return [fact.text for fact in read_facts(prompt)]


def test_sentences_items_and_table_rows_are_facts_and_orders_are_not() -> None:
    page = (
        "Be kind. We bake bread.\nIt is fresh.\n\n* Rye: 3 euros\n\n| Cake | Price |\n|---|---|\n| Apple | 4 euros |\n"
    )
    assert texts(page) == ["We bake bread.", "It is fresh.", "Rye: 3 euros.", "Cake: Price.", "Apple: 4 euros."]


def test_markup_is_not_spoken() -> None:
    assert texts("We **never** close. See [our page](https://example.com).") == ["We never close.", "See our page."]


def test_a_heading_is_the_context_of_its_list() -> None:
    first = read_facts(LIBRARY_PROMPT)[0]
    assert first.text == "Tuesday to Friday: 10 to 19."
    assert terms("opening hours") <= first.context


def test_words_in_quotation_marks_are_the_fact_of_an_instruction() -> None:
    assert "You can park behind the shop for free." in texts(SHOP_PROMPT)
    assert not [text for text in texts(SHOP_PROMPT) if "Keep" in text or "Never" in text or "Greet" in text]


def test_the_greeting_is_what_the_prompt_quotes() -> None:
    assert greeting_of(SHOP_PROMPT) == "Good day, this is the bicycle shop. How can I help you?"
    assert greeting_of(LIBRARY_PROMPT) is None


def test_one_clause_is_enough_where_one_was_asked_for() -> None:
    hours = "Opening hours: Monday to Friday nine to six; closed on Sunday."
    assert narrowed(hours, terms("are you open on thursday")) == "Monday to Friday nine to six."
    assert narrowed(hours, terms("when are you open")) == hours


def test_grammar_and_everyday_synonyms_do_not_part_two_sentences() -> None:
    assert terms("do you repair bikes") == terms("repairing a bike") == terms("fixes bikes")
    assert terms("how much is it") == terms("what does it cost")


def test_a_length_of_time_is_no_opening_hour() -> None:
    assert "~hours" not in terms("it takes two hours")
