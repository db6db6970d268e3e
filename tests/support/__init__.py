"""Building blocks of the tests: builders, servers, processes, and the desk of people."""
