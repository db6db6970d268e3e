"""The state of one process: its logs, metrics, health, limits and HTTP server."""
