"""Brings what Devin says, and what its sessions do, into the threads that follow them."""
