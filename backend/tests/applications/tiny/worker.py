"""Works on nothing, and says so: a service of which only one version runs at a time."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    behaviour = json.loads(Path(__file__).with_name("behaviour.json").read_text())
    sys.stdout.write(f"worker {behaviour['version']} works for {os.environ.get('FOR', 'nobody')}\n")
    sys.stdout.flush()
    stop.wait()
