"""Access to Redis: the connection, its keys, its script runner, its embedded server."""
