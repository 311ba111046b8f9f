"""Tools for testing code that uses graphlab: faults on purpose, see ``graphlab.testing.faults``."""
