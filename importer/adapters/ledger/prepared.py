"""Statements compiled once for each database, and from then on handed to its driver as text.

SQLAlchemy looks anew at every execution: what is cached, which types, what comes back. That costs more than the
database itself. The statement is the same, and so are the types of its values; only the look is had once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlalchemy.types import TypeEngine

Statement = Select[Any] | Insert | Update | ReturningInsert[Any] | ReturningUpdate[Any]
Process = Callable[[Any], Any] | None
"""From our form of a value to the driver's, or back; None where it is the same."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the driver has answered."""

    rowcount: int
    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as one database's driver takes it."""

    sql: str
    is_positional: bool
    binds: tuple[tuple[str, Process], ...]
    """Its parameters, in their order."""
    constants: Mapping[str, Any]
    """Those of them that stand in the statement itself."""
    columns: tuple[tuple[str, Process], ...]
    """What comes back."""

    def parameters(self, values: Mapping[str, Any]) -> Any:
        if self.constants:
            values = {**self.constants, **values}
        if self.is_positional:
            return tuple([values[name] if process is None else process(values[name]) for name, process in self.binds])
        return {name: values[name] if process is None else process(values[name]) for name, process in self.binds}


class Prepared:
    """A statement that is compiled when it is first needed, for each set of values that it is given.

    Args:
        statement: without lists of values (`IN`), whose length is part of the text.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._texts: dict[tuple[str, tuple[str, ...]], _Text] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Result:
        """Executes it. An insert or an update concerns those columns that the values name.

        Raises:
            DBAPIError: the database has refused it, or could not do it.
        """
        return self._run(connection, self._text(connection, values), values)

    def _run(self, connection: Connection, text: _Text, values: Mapping[str, Any]) -> Result:
        parameters = text.parameters(values)
        if connection.dialect.name != "sqlite":
            result = connection.exec_driver_sql(text.sql, parameters)
            return Result(result.rowcount, result.fetchall() if result.returns_rows else ())
        # A file is not lost as a connection to a server is: nothing is to be done about an error but to tell it.
        cursor = connection.connection.cursor()
        driver = connection.dialect.loaded_dbapi
        try:
            cursor.execute(text.sql, parameters)
            rows = cursor.fetchall()  # a damaged page may show only here
            return Result(cursor.rowcount, rows)
        except driver.Error as error:
            raise DBAPIError.instance(text.sql, None, error, driver.Error, dialect=connection.dialect) from error

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Executes it; what comes back, by the names of the columns."""
        text = self._text(connection, values)
        return [
            {
                name: value if process is None else process(value)
                for (name, process), value in zip(text.columns, row, strict=True)
            }
            for row in self._run(connection, text, values).rows
        ]

    def first(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first of the rows; None where there is none."""
        return next(iter(self.rows(connection, values)), None)

    def _text(self, connection: Connection, values: Mapping[str, Any]) -> _Text:
        dialect = connection.dialect
        key = dialect.name, tuple(values)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = _compiled(self._statement, dialect, key[1])
        return text


def _compiled(statement: Statement, dialect: Dialect, names: tuple[str, ...]) -> _Text:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler), "a statement that is executed"
    kinds = {name: bind.type for bind, name in compiled.bind_names.items()}
    order = compiled.positiontup if compiled.positional else list(kinds)
    assert order is not None, "whoever counts parameters knows their order"
    return _Text(
        str(compiled),
        compiled.positional,
        tuple((name, _to_driver(kinds[name], dialect)) for name in order),
        {name: value for name, value in compiled.params.items() if name not in names},
        tuple((column.name, _from_driver(column.type, dialect)) for column in statement.exported_columns),
    )


def _to_driver(kind: TypeEngine[Any], dialect: Dialect) -> Process:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from_driver(kind: TypeEngine[Any], dialect: Dialect) -> Process:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
