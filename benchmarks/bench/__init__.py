"""The benchmark of htagweb_flask: load client, stacks, measures and report (start it by ``run.py``)."""
