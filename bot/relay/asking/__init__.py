"""People are asked for what a command or a shortcut leaves out, above all for a session."""
