"""A Valkey of our own, for when no Redis is configured."""
