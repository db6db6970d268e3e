"""What people say through the relay: owed, posted in their name, and accepted as their reply."""
