"""What callers leave for staff: recorded messages and wishes to be called back, in a database of staff's own.

Every call here blocks, and may raise `SQLAlchemyError`: the database may be gone. The server keeps words through
`app.bridge.inbox`, off its loop; `offhook messages` reads them. Numbers are kept whole, for staff must call back.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import String, Text, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.records.database import Base, Database

type Kind = Literal["voicemail", "call_back"]


@dataclass(frozen=True, slots=True)
class Word:
    """Something left for staff. `key` makes it one, however often it is told: the RecordingSid of a message. Empty
    fields are filled by whoever tells it later."""

    key: str
    kind: Kind
    call_sid: str
    left_at_ms: int  # Unix
    caller: str = ""
    called: str = ""
    agent: str = ""
    about: str = ""
    wanted_at: str = ""  # when a call-back suits the caller, in their words
    recording_url: str = ""
    seconds: int = 0


class Message(Base):
    """A word as it is kept; `done_at_ms` is set once staff have dealt with it."""

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    call_sid: Mapped[str] = mapped_column(String(64), index=True)
    left_at_ms: Mapped[int]
    caller: Mapped[str] = mapped_column(String(128), default="")
    called: Mapped[str] = mapped_column(String(128), default="")
    agent: Mapped[str] = mapped_column(String(64), default="")
    about: Mapped[str] = mapped_column(Text, default="")
    wanted_at: Mapped[str] = mapped_column(Text, default="")
    recording_url: Mapped[str] = mapped_column(Text, default="")
    seconds: Mapped[int] = mapped_column(default=0)
    done_at_ms: Mapped[int | None] = mapped_column(default=None)

    @property
    def left_at(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.left_at_ms / 1000, datetime.UTC)


FILLED_LATER = ("caller", "called", "agent", "about", "wanted_at", "recording_url", "seconds")


class MessageBook:
    """`url` is SQLAlchemy's (`sqlite:///...`, `postgresql+psycopg://...`). Tables are made on first use."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def keep(self, word: Word) -> None:
        """Once for each key, whoever comes first; a later telling fills in what was missing."""
        try:
            self._keep(word)
        except IntegrityError:  # another process was quicker between our look and our insert
            self._keep(word)

    def _keep(self, word: Word) -> None:
        with Session(self._database.engine) as session, session.begin():
            kept = session.scalar(select(Message).where(Message.key == word.key))
            if kept is None:
                session.add(Message(**{name: getattr(word, name) for name in Word.__slots__}))
                return
            for name in FILLED_LATER:
                if not getattr(kept, name):
                    setattr(kept, name, getattr(word, name))

    def all(self, done: bool = False) -> Sequence[Message]:
        """The latest first, open ones before those that are done. `done`: those too."""
        chosen = select(Message) if done else select(Message).where(Message.done_at_ms.is_(None))
        with Session(self._database.engine) as session:
            return session.scalars(chosen.order_by(Message.done_at_ms.isnot(None), Message.left_at_ms.desc())).all()

    def get(self, number: int) -> Message | None:
        with Session(self._database.engine) as session:
            return session.get(Message, number)

    def mark_done(self, number: int, at_ms: int) -> bool:
        """False where there is none of that number. The first time counts."""
        with Session(self._database.engine) as session, session.begin():
            kept = session.get(Message, number)
            if kept is None:
                return False
            kept.done_at_ms = kept.done_at_ms or at_ms
            return True

    def close(self) -> None:
        self._database.close()
