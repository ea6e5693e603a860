"""Who has asked us never to be called again: a number each, kept for good, for every campaign of the database.

Every call here blocks, and may raise `SQLAlchemyError`.
"""

from sqlalchemy import String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.records.database import Base, Database


class DoNotCallRow(Base):
    __tablename__ = "do_not_call"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)  # E.164
    call_sid: Mapped[str] = mapped_column(String(64))  # the call in which they asked
    asked_ms: Mapped[int]  # Unix


class DoNotCallBook:
    """`url` is SQLAlchemy's."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def holds(self, number: str) -> bool:
        with Session(self._database.engine) as session:
            return session.get(DoNotCallRow, number) is not None

    def all(self) -> frozenset[str]:
        with Session(self._database.engine) as session:
            return frozenset(session.scalars(select(DoNotCallRow.number)))

    def add(self, number: str, call_sid: str, asked_ms: int) -> None:
        """The first time counts."""
        try:
            with Session(self._database.engine) as session, session.begin():
                session.add(DoNotCallRow(number=number, call_sid=call_sid, asked_ms=asked_ms))
        except IntegrityError:
            pass

    def close(self) -> None:
        self._database.close()
