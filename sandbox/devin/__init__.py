"""A local Devin, with a record of all it was sent."""
