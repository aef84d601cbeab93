"""Pure: no I/O, no clock. Statements, keys and signatures; a private key of a signatory never reaches the server."""
