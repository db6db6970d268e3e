"""Version 3 of the API, the current one: organizations, cursors and `ProblemDetail`."""
