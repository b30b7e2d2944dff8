"""How the server behaves as the load grows; ``python -m tests.bench.curves``."""
