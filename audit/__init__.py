"""The audit log. Imports nothing else of Accordant's, and neither Flask nor pydantic: an auditor can take it alone."""
