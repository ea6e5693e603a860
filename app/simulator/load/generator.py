"""A process full of telephones: `python -m app.simulator.load.generator RESULT.json < orders`.

One absolute clock drives them all, in slots of 2 ms so that a hundred calls do not send in the same instant. The clock
knows its own lateness, which bounds what this process can say about anybody else's. Lines of JSON on stdout tell how
far it is.
"""

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from app.simulator.load.figures import MS
from app.simulator.load.orders import CallResult, Orders, RunResult, save
from app.simulator.load.speech import Speech, speech
from app.simulator.load.talker import Talker
from app.simulator.load.telephone import EchoTelephone, Telephone
from app.simulator.load.webhook import NoAnswer, StreamPlace, names_of, ring
from app.simulator.twilio.ticker import Ticker

SLOTS = 10
CALLED = "+15550100000"
TELL_S = 0.5
WITHIN_S = {"first word": 15.0, "key answered": 40.0}
END_WITHIN_S = 5.0


class Generator:
    def __init__(self, orders: Orders, words: Speech) -> None:
        self._orders = orders
        self._words = words
        self._ticker = Ticker(slots=SLOTS)
        self._phones: dict[int, Telephone] = {}
        self._failed: dict[int, str] = {}
        self._cpu: list[float] = []

    async def run(self) -> RunResult:
        orders = self._orders
        async with asyncio.TaskGroup() as group:
            marks = [group.create_task(self._note_cpu(at)) for at in orders.window]
            calls = [group.create_task(self._call(number)) for number in orders.calls]
            telling = group.create_task(self._tell())
            await asyncio.wait(calls)
            telling.cancel()
            for mark in marks:
                mark.cancel()
        return self._result()

    async def _call(self, number: int) -> None:
        orders = self._orders
        await _until(orders.begin + orders.ramp_ms * MS * (number - orders.first) // orders.of)
        talker = Talker(self._words, orders.habits, number, orders.window)
        try:
            phone = await self._connect(number, talker)
        except (NoAnswer, OSError) as error:
            self._failed[number] = f"not connected: {error}"
            return
        self._phones[number] = phone
        leave_clock = self._ticker.join(lambda _: phone.beat(time.monotonic_ns()))
        try:
            await phone.opened
            await self._until_over(phone)
            talker.leave(time.monotonic_ns())
            await asyncio.wait([phone.closed], timeout=END_WITHIN_S)
        finally:
            leave_clock()

    async def _connect(self, number: int, talker: Talker) -> Telephone:
        orders, names = self._orders, names_of(number)
        place = StreamPlace(orders.url, {})
        if not orders.echo:
            place = await ring(orders.url, caller_of(number), CALLED, names)
        host, _, port = place.url.partition("://")[2].partition("/")[0].partition(":")
        kind = EchoTelephone if orders.echo else Telephone
        loop = asyncio.get_running_loop()
        make = lambda: kind(place.url, talker, names, place.parameters)  # noqa: E731
        _, phone = await loop.create_connection(make, host, int(port or 80))
        return phone

    async def _until_over(self, phone: Telephone) -> None:
        """Until the run's end, or this call's: enough turns, what a caller waits for, a lost line."""
        orders, begun = self._orders, time.monotonic_ns()
        within = WITHIN_S.get(orders.until)
        limit = orders.end if within is None else begun + int(within * 1000) * MS
        while not phone.closed.done() and time.monotonic_ns() < limit:
            if self._has_enough(phone):
                return
            await asyncio.sleep(0.02 if within is not None else 0.2)

    def _has_enough(self, phone: Telephone) -> bool:
        match self._orders.until:
            case "first word":
                return phone.talker.first_media > 0
            case "key answered":
                return phone.talker.key.answered > 0
        return 0 < self._orders.turns <= answered(phone)

    async def _note_cpu(self, at: int) -> None:
        await _until(at)
        if not self._cpu:
            gc.collect()
            gc.freeze()
            self._ticker.lateness = [0] * len(self._ticker.lateness)
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._cpu.append(used.ru_utime + used.ru_stime)

    async def _tell(self) -> None:
        while True:
            phones = self._phones.values()
            live = sum(1 for phone in phones if phone.started and not phone.closed.done())
            print(json.dumps({"live": live, "turns": sum(map(answered, phones))}), flush=True)
            await asyncio.sleep(TELL_S)

    def _result(self) -> RunResult:
        lasted = (self._orders.window[1] - self._orders.window[0]) / 1e9
        cpu = (self._cpu[1] - self._cpu[0]) / lasted if len(self._cpu) == 2 else 0.0
        return RunResult(list(self._calls()), self._ticker.lateness_ms(0.99), cpu)

    def _calls(self) -> Iterator[CallResult]:
        for number, why in self._failed.items():
            yield CallResult(number, trouble=why)
        for number, phone in self._phones.items():
            talker = phone.talker
            returned = phone.returned if isinstance(phone, EchoTelephone) else ()
            yield CallResult(
                number=number,
                started=phone.started,
                first_media=talker.first_media,
                turns=talker.turns,
                tally=talker.tally,
                key=talker.key,
                trouble=phone.trouble,
                sent=phone.sent,
                returned=returned,
            )


def caller_of(number: int) -> str:
    """A caller's telephone number. Its last four digits tell calls apart where a model writes down what it was told."""
    return f"+1555{number:07d}"


def answered(phone: Telephone) -> int:
    return sum(1 for turn in phone.talker.turns if turn.answered)


async def _until(at: int) -> None:
    await asyncio.sleep(max(0, at - time.monotonic_ns()) / 1e9)


def main() -> None:
    orders = Orders.read(sys.stdin.read())
    if orders.cpu and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, orders.cpu)
    generator = Generator(orders, speech(orders.habits.talk_ms))
    gc.disable()  # what is kept only grows, and a collection would be counted as the server's lateness
    save(Path(sys.argv[1]), uvloop.run(generator.run()))


if __name__ == "__main__":
    main()
