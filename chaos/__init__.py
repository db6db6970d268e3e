"""The relay under kill -9, outages and floods, by real processes, with a ledger at both ends."""
