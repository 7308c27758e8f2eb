"""Mobile operators behind the ``LineEvidence`` port."""
