"""The Web API: requests, refusals and methods."""
