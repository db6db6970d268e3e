"""The use cases behind a person's request, and the only place that decides who may make it."""
