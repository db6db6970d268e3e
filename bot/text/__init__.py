"""Pure conversion of Slack's markup to Markdown and back."""
