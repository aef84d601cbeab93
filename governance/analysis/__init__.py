"""Pure: no I/O, no clock. What a set of clauses would do, seen from outside of them."""
