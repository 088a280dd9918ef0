"""Waits: how long whoever speaks to a database waits, on every kind of it."""

from __future__ import annotations

#: For another writer, seconds: far longer than any transaction of ours.
LOCK_WAIT_S = 30
#: For a server to answer a new connection, seconds, unless the address says so.
CONNECT_S = 10
#: For the next word of a transaction, seconds: whoever says nothing so long is gone, or paused for
#: longer than a lease.
SILENT_S = 60
