"""A local Slack: its workspace, its Web API, people's acts, and their delivery to the app."""
