"""`python -m explain`: the jobs from the command line."""

import gc
import sys

from explain.commands import STOPPED, main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")        # file names may hold what a terminal cannot
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:                                    # before or after the work itself
        code = STOPPED
    gc.freeze()                 # TensorFlow's objects go with the process: to look through them takes a second
    sys.exit(code)
