"""Scripts for every atomic change in Redis: what a script checks still holds when it acts."""
