"""Steps of Workflow Builder: send a message, link a thread, start a session."""
