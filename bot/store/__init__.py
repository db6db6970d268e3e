"""What Redis keeps: one repository a kind, one script for each step that must be whole."""
