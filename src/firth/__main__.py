"""``python -m firth`` is ``firth``."""

from firth.cli.main import start

start()
