"""The commands. Each parses words, calls the server or a pure function, prints; none decides, and none touches a database."""
