"""Database of cases and jobs (SQLAlchemy lives only here)."""
