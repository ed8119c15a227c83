"""Opens an app whose server is known by its key, by a page that does not come from there.

A page that a browser loads from a server is what the network makes of it, and so is the script in it that
seals what is said. Here, both come from the installed package, on this machine, and anybody but the server
that has the key gets nothing to see.
"""
