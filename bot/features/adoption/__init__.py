"""Sessions that start elsewhere get threads of their own, by a channel's rules or by a button."""
