"""What people live with Devin Relay, end to end."""
