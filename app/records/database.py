"""A database of the house's: its engine, made on first use with its tables. Every call blocks."""

import threading
from pathlib import Path

from sqlalchemy import BigInteger, Engine, Integer, create_engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase

CONNECT_S = 5


class Base(DeclarativeBase):
    # Unix ms do not fit into 32 bits, which is what other databases than SQLite make of an Integer.
    type_annotation_map = {int: BigInteger().with_variant(Integer(), "sqlite")}  # noqa: RUF012


class Database:
    """`url` is SQLAlchemy's (`sqlite:///...`, `postgresql+psycopg://...`)."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._made: Engine | None = None
        self._making = threading.Lock()

    @property
    def engine(self) -> Engine:
        """Raises `SQLAlchemyError`: the database may be gone."""
        with self._making:  # two threads must not make the tables at once
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> Engine:
        local = self._url.get_backend_name() == "sqlite"
        if local and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self._url, pool_pre_ping=not local, connect_args={"timeout" if local else "connect_timeout": CONNECT_S}
        )
        try:
            try:
                Base.metadata.create_all(engine)
            except DBAPIError:  # another process made the tables between our look and our order; or all is gone
                Base.metadata.create_all(engine)
        except SQLAlchemyError:
            engine.dispose()
            raise
        return engine

    def close(self) -> None:
        if self._made is not None:
            self._made.dispose()
