"""The commands: python -m refsoak soak|audit|refcounts|exercise|doctor."""

import sys

from refsoak import _native


def main():
    program = [sys.executable, "-m", "refsoak"]
    return int(_native.main([program, sys.argv[1:]])[0])


if __name__ == "__main__":
    sys.exit(main())
