"""A channel's digest: what its sessions need, do, have done and have used."""
