"""People's acts in the local Slack, and the payloads that come of them."""
