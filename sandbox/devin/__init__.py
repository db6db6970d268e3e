"""A local Devin, with a record of every request it received."""
