"""Pure conversion of Slack's markup to Markdown and back; Devin's Markdown made inert."""
