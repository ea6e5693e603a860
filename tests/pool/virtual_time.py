"""An event loop whose clock jumps to the next timer as soon as nothing else is to be done: hours pass in no time,
and always in the same order."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _JumpingSelector:
    """Asks the real selector without waiting, and lets the loop's time pass instead."""

    def __init__(self, selector: Any, jump: Callable[[float], None]) -> None:
        self._selector = selector
        self._jump = jump

    def select(self, timeout: float | None = None) -> Any:
        ready = self._selector.select(0)
        if not ready:
            assert timeout is not None, "everything waits and nothing is coming"
            self._jump(timeout)
        return ready

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._now = 1_000.0
        jumping: Any = _JumpingSelector(selectors.DefaultSelector(), self._pass)
        super().__init__(jumping)

    def _pass(self, seconds: float) -> None:
        self._now += seconds

    def time(self) -> float:
        return self._now


def now_ms() -> int:
    return round(asyncio.get_running_loop().time() * 1000)


def in_virtual_time[T](work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; nothing may be left alive."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_alone(work))


async def _alone[T](work: Coroutine[Any, Any, T]) -> T:
    result = await work
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"still alive: {left}"
    return result
