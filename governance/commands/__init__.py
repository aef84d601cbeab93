"""The commands. Each parses words, calls the server or a pure function, and prints; none decides.

Only those that work on a home (`init`, `serve`, `demo`, `audit verify`) come near a database.
"""
