"""Every sentence and form that a person sees."""
