"""The calls that campaigns have placed, or are about to: written before the call is, and kept for good.

An attempt without a SID was about to be placed when its process was last heard of: whether it was, only the carrier
knows. Every call here blocks, and may raise `SQLAlchemyError`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import String, Text, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.records.database import Base, Database


class Taken(Exception):
    """Another process has begun this attempt."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """To reach `number` (E.164) for the `ordinal`th time. `result` is "" until it is over; times are Unix ms."""

    number: str
    ordinal: int
    agent: str
    begun_ms: int
    given: Mapping[str, str] = field(default_factory=dict)
    sid: str = ""
    result: str = ""
    ended_ms: int = 0
    seconds: int = 0
    disposition: str = ""  # the server's word for how it ended


class AttemptRow(Base):
    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("campaign", "number", "ordinal"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(String(128), index=True)
    number: Mapped[str] = mapped_column(String(16))
    ordinal: Mapped[int]
    agent: Mapped[str] = mapped_column(String(64))
    begun_ms: Mapped[int]
    given: Mapped[str] = mapped_column(Text, default="{}")  # JSON
    sid: Mapped[str] = mapped_column(String(64), default="")
    result: Mapped[str] = mapped_column(String(16), default="")
    ended_ms: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[int] = mapped_column(default=0)
    disposition: Mapped[str] = mapped_column(String(32), default="")


class AttemptBook:
    """One campaign's attempts."""

    def __init__(self, url: str, campaign: str) -> None:
        self._database = Database(url)
        self._campaign = campaign

    def all(self) -> Sequence[Attempt]:
        """In the order in which they began."""
        chosen = select(AttemptRow).where(AttemptRow.campaign == self._campaign).order_by(AttemptRow.id)
        with Session(self._database.engine) as session:
            return [_attempt(row) for row in session.scalars(chosen)]

    def begin(self, attempt: Attempt) -> None:
        """To be called before the call is placed. Raises `Taken`: then it must not be."""
        fields = {name: getattr(attempt, name) for name in Attempt.__slots__}
        fields["given"] = json.dumps(dict(attempt.given), ensure_ascii=False)
        try:
            with Session(self._database.engine) as session, session.begin():
                session.add(AttemptRow(campaign=self._campaign, **fields))
        except IntegrityError:
            raise Taken from None

    def note(self, attempt: Attempt) -> None:
        """What is known of it by now."""
        mine = (AttemptRow.campaign == self._campaign, AttemptRow.number == attempt.number)
        known = {name: getattr(attempt, name) for name in ("sid", "result", "ended_ms", "seconds", "disposition")}
        with Session(self._database.engine) as session, session.begin():
            session.execute(update(AttemptRow).where(*mine, AttemptRow.ordinal == attempt.ordinal).values(**known))

    def close(self) -> None:
        self._database.close()


def _attempt(row: AttemptRow) -> Attempt:
    kept = {name: getattr(row, name) for name in Attempt.__slots__}
    return Attempt(**kept | {"given": json.loads(row.given)})
