"""What the pool tells of itself. The pool knows no metrics; whoever counts hands it one of these."""

from typing import Protocol

from app.call.events import Failure, UsageReported
from app.engines.engine import SessionKey
from app.pool.plan import Why


class PoolObserver(Protocol):
    """Called in passing, on the event loop: return at once, raise nothing."""

    def opened(self, key: SessionKey, took_ms: int) -> None: ...

    def opened_cold(self, key: SessionKey) -> None:
        """A call asked and none was at hand; it waits for one."""
        ...

    def lent(self, key: SessionKey, age_ms: int) -> None: ...

    def retired_unused(self, key: SessionKey, why: Why) -> None: ...

    def failed(self, key: SessionKey, failure: Failure) -> None: ...

    def close_hung(self, key: SessionKey) -> None: ...

    def spent(self, key: SessionKey, usage: UsageReported, lent: bool) -> None:
        """Tokens that no call was told of: the session never served one, or (`lent`) its call was over."""
        ...


class Unobserved:
    """Tells nobody."""

    def opened(self, key: SessionKey, took_ms: int) -> None: ...

    def opened_cold(self, key: SessionKey) -> None: ...

    def lent(self, key: SessionKey, age_ms: int) -> None: ...

    def retired_unused(self, key: SessionKey, why: Why) -> None: ...

    def failed(self, key: SessionKey, failure: Failure) -> None: ...

    def close_hung(self, key: SessionKey) -> None: ...

    def spent(self, key: SessionKey, usage: UsageReported, lent: bool) -> None: ...
