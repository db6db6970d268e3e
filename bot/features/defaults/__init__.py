"""A channel's defaults: what its sessions start with, unless their prompts say otherwise."""
