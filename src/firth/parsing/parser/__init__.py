"""The parser: its network, how it is trained and used."""
