"""Every change in Redis that must be one step: what a script checks still holds when it acts."""
