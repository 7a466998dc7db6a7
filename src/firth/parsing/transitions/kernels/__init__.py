"""The compiled transition systems, and the loops that parse with them."""
