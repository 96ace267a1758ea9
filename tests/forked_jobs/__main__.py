"""`python -m forked_jobs SOCKET`."""

import sys
from pathlib import Path

from forked_jobs import serve

serve(Path(sys.argv[1]))
