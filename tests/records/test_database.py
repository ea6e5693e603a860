"""What our tables are made of in databases other than SQLite."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from app.records.attempts import AttemptRow
from app.records.database import Base
from app.records.messages import Message


def columns_of(table: Table) -> dict[str, str]:
    """Each column with its type, as PostgreSQL is told."""
    told = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    lines = (line.strip().split() for line in told.splitlines())
    return {words[0]: words[1].rstrip(",") for words in lines if words and words[0] in table.columns}


def test_a_time_in_unix_ms_fits_into_every_column_that_holds_one() -> None:
    assert {Message.__table__, AttemptRow.__table__} <= {*Base.metadata.tables.values()}
    times = {
        f"{table.name}.{name}": kind
        for table in Base.metadata.tables.values()
        for name, kind in columns_of(table).items()
        if name.endswith("_ms")
    }
    assert {"messages.left_at_ms", "messages.done_at_ms", "attempts.begun_ms", "attempts.ended_ms"} <= times.keys()
    assert set(times.values()) == {"BIGINT"}, times
