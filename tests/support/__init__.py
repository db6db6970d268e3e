"""What tests are made of: builders, servers, processes, and the desk at which people sit."""
