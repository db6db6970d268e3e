"""Tests of `handlers/`: payloads from Slack are parsed, answered or refused."""
