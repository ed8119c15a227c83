"""The pool's half of the wire."""
