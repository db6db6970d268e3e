"""The ways events travel to the app: signed HTTP requests and Socket Mode."""
