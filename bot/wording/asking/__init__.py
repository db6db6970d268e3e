"""The forms and menus in which people choose a session."""
