"""The schema of the store, one step forward at a time; ``alembic`` puts the steps together."""
