"""What people read of a session that their thread follows: its words, its card, notices."""
