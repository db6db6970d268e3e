"""Tests of `handlers/`: what Slack sends, parsed, answered and refused."""
