"""``python -m pteri``."""

from pteri.cli import main

main()
