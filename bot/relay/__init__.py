"""What a person may ask for, and who may ask it; the only place that decides."""
