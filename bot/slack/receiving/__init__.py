"""The two ways in: signed HTTP requests and Socket Mode."""
