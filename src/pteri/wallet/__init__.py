"""The Python wallet: what a person's phone does, for computers, tests and simulated phones."""
