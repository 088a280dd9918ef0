"""On MySQL a migration that was interrupted goes on where it was.

There each statement that changes tables stands by itself, so that a migration that was killed left
behind what it had done. It is run again from its beginning: what is there already is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.ddl.mysql import MySQLImpl
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

if TYPE_CHECKING:
    from sqlalchemy import Table

#: The server's words for: there is such a column or index already, or it is gone already.
DONE = frozenset({1060, 1061, 1091})
#: There is such a table already.
TABLE_EXISTS = 1050


class Resuming(MySQLImpl):
    """Passes over what an interrupted run of the same migration has done already."""

    __dialect__ = "mysql"

    def _exec(self, construct: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super()._exec(construct, *arguments, **options)
        except DBAPIError as error:
            code = error.orig.args[0] if error.orig and error.orig.args else None
            table = construct.element if isinstance(construct, CreateTable) else None
            made = code == TABLE_EXISTS and table is not None and self._is_ours(table)
            if code not in DONE and not made:
                raise
        return None

    def _is_ours(self, table: Table) -> bool:
        """Whether the table of this name has the columns it is to have, and is not another's."""
        assert self.connection is not None
        found = {column["name"] for column in inspect(self.connection).get_columns(table.name)}
        return found == {column.name for column in table.columns}
