"""Building blocks of these tests: a browser, a Devin in a thread, and the camera of the pages."""
