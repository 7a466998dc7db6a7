"""Files on disk: written whole or not at all; named arrays with metadata; tables of what they must hold."""
