"""The state of one process: its logs, metrics, health, limits, HTTP server and outgoing HTTP."""
