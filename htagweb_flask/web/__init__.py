"""The web side: Flask, blocking sockets, no state of its own. Asyncio and htag are never imported."""
