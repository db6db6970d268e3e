"""What one process knows of itself: its logs, metrics, health, limits and HTTP server."""
