"""Alembic's migrations of the tables in `pipeline.models`."""
