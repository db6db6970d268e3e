"""A reaction with START_EMOJI starts a session from the message below it."""
