"""App Home: a person's linked threads, which they mute and unlink there; and prompts."""
