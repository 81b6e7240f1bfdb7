"""How long a test waits for an event."""

from __future__ import annotations

LIMIT_SECONDS = 900.0
"""It ends a test that hangs, and decides nothing else: on a quiet machine each event comes within a minute."""
