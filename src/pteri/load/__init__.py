"""``pteri load``: many phones and one relying party against a running service, with real signatures."""
