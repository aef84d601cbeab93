"""The program inside `verify.sh`: Python's standard library alone, put into one script by `evidence.script`.

These modules import nothing but each other, define no name twice, and run on Python 3.9, where nothing of ours is
installed. They read the folder that the evidence file was unpacked into, and run nothing of it.
"""
