"""The compiled inner loops of the phrase classifier."""
