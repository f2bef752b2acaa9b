"""The server, but one that lets go of a lesson soon after everybody has left, so that a day passes in minutes.

python -m bench.impatient
"""

from __future__ import annotations

import sys
from dataclasses import replace

from server.__main__ import main
from server.settings import Limits

IDLE_UNLOAD_SECS = 5.0

if __name__ == "__main__":
    sys.exit(main(["web"], replace(Limits(), idle_unload_secs=IDLE_UNLOAD_SECS)))
