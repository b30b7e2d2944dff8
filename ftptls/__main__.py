"""``python -m ftptls`` is the ``ftptls`` command."""

from __future__ import annotations

import sys

from ftptls.cli import main

sys.exit(main())
