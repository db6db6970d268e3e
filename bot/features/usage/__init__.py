"""What sessions have used, told when people ask."""
