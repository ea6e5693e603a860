"""What a phrase answers: heard at once, never contradicted by the model, and known to the session that goes on."""

from tests.whole.conftest import OpenHouse
from tests.whole.house import together
from tests.whole.sounds import sentence, turn
from tests.whole.test_model_trouble import heard_of

ASKED_TWICE = """
    wait for speech
    wait for quiet 300ms
    say "when are you open"
    wait for speech
    wait for quiet 700ms
    say "say that again"
    wait for speech
    wait for quiet 300ms
    hang up
"""
NINE = turn("When are you open?", sentence("one", 2.0, "We open at nine."))
AGAIN = turn("Can you say that again?", "two")


async def test_the_model_never_contradicts_a_known_answer(house: OpenHouse) -> None:
    async def with_a_session_to_spare() -> None:
        async with house(mind=[NINE], later=[AGAIN]) as here:
            call = await here.call(ASKED_TWICE)
            swapped = await here.metric("offhook_known_answers_total", how="swapped")
            by_phrase = await here.metric("offhook_turns_total", answered_by="phrase")
            cold = await here.metric("offhook_pool_cold_opens_total")
        assert call.heard == ["greeting", "hours", "two"]
        assert (swapped, by_phrase, cold) == (1, 1, 0)
        first, second = here.sessions
        assert first.ended == "closed"
        assert heard_of(second, "USER")[1:] == ["When are you open?"]
        assert heard_of(second, "ASSISTANT") == ["Harbour Parcels, hello!", "We open at ten."]

    async def with_no_other_session() -> None:
        # A store of its own: houses that share one share the account's streams.
        async with house(mind=[NINE, AGAIN], nova_sonic_max_streams=1, redis_url="") as here:
            call = await here.call(ASKED_TWICE)
            hushed = await here.metric("offhook_known_answers_total", how="hushed")
        assert call.heard == ["greeting", "hours", "two"]
        assert hushed == 1
        [session] = here.sessions
        assert session.events("speculativeText")[0]["text"] == "We open at nine."  # to nobody
        told = session.events("textInput", "<")[-1]
        [start] = [s for s in session.events("contentStart", "<") if s["contentName"] == told["contentName"]]
        assert "We open at ten." in told["content"]
        assert (start["role"], start["interactive"]) == ("USER", False)

    await together(with_a_session_to_spare(), with_no_other_session())
