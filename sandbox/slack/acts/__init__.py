"""People's acts in the local Slack, and the payloads that result from them."""
