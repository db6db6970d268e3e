"""The sandbox's page, and the control API behind it."""
