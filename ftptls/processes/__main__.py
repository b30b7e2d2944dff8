"""``python -m ftptls.processes`` is a worker, for a supervisor to start."""

from __future__ import annotations

import sys

from ftptls.processes.worker import main

sys.exit(main())
