"""The registry in a database: the promises of :class:`pteri.app.ports.Store`, kept by SQL."""
