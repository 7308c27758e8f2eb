"""One thin client per outside thing. No decision lives here."""
