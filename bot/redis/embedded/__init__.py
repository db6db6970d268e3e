"""The embedded Valkey, for when no Redis is configured."""
