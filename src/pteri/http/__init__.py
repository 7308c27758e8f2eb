"""The web side: translates between HTTP and the use cases. No decision lives here."""
