"""Speed-up and efficiency of each phase of a job, and what more ranks would bring: this is `nanompi bench`.

usage: python benchmarks/scaling.py jobs/siemens-star.yaml --ranks 1,2,4 --repeat 3 --out DIR
           --predict 8,64,512 --scans 100000,1000000 --link 25GB/s --latency 2us
"""

import sys

from nanompi.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
