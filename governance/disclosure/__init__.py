"""Pure: no I/O, no clock. The only place that can build a governed query, and that shapes what leaves."""
