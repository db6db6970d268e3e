"""What people ask of the mirror: the state of a thread, and answers to what Devin asks."""
