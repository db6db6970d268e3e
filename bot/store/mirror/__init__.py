"""Keeps what is known of watched sessions, and what threads are still to be shown of them."""
