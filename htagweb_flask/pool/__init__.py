"""The pool: a process tree of its own that holds every instance. Asyncio and threads, never Flask."""
