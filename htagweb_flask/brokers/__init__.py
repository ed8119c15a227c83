"""The web processes' half of the wire. Blocking calls only, so that gevent's patching is all that is needed."""
