"""Version 1 of the API, which Devin calls legacy."""
