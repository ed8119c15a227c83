"""The web processes' half of the wire. Blocking calls only: gevent's patching is all it takes."""
