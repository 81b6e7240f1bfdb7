"""How long a test waits for an event."""

from __future__ import annotations

LIMIT_SECONDS = 900.0
"""This limit ends a test that hangs; no test measures against it. On a quiet machine each event comes in a minute."""
