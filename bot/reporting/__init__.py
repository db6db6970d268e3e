"""The outbox into threads, until Slack takes it."""
