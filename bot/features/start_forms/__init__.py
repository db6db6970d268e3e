"""Forms that start sessions: for a new one, and for one whose start failed."""
