"""Values and errors, without I/O."""
