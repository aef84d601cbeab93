"""The state beside the log, in SQLAlchemy Core. Returns complete frozen values, never rows."""
