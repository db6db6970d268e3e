"""A local Slack: its workspace, its Web API, what people do there, and how the app hears of it."""
