"""Every sentence and form that a person sees: a file for each place where people read.

A sentence says what happened and what to do. Text from outside passes through `to_slack` before it
stands in one: what Devin says can ping nobody and carries no markup of its own. Buttons carry ids
only, and whoever handles one checks them against where it was pressed.
"""
