"""What eSIM chips sign: certificates and messages of GSMA SGP.22 and SGP.32 (docs/spec/esim-chip.md)."""
