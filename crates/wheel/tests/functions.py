"""Lists the C functions that the extension looks up at run time, which abi3audit does not see.

    python functions.py WHEEL    prints those that Python 3.8's stable ABI lacks; needs the package abi3info
"""

import re
import sys
import zipfile

# One of the two is enough: the first is new in 3.13, the second is its name before.
EITHER = {"PyThreadState_GetUnchecked", "_PyThreadState_UncheckedGet"}


def names(library):
    """The names in the bytes of the extension."""
    found = re.findall(rb"_?Py[A-Za-z]*_\w+(?=\0)", library)
    return sorted({name.decode() for name in found} - {"PyInit__native"})


def main(wheel):
    from abi3info import DATAS, FUNCTIONS
    from abi3info.models import PyVersion

    with zipfile.ZipFile(wheel) as file:
        looked_up = names(file.read("refsoak/_native.abi3.so"))
    stable = {symbol.name: item.added for items in (DATAS, FUNCTIONS) for symbol, item in items.items()}
    beyond = [name for name in looked_up if name not in stable or stable[name] > PyVersion(3, 8)]
    print("%d functions and objects, of which %d are not in the stable ABI of Python 3.8:" % (len(looked_up), len(beyond)))
    for name in beyond:
        print("  %s%s" % (name, " (stable since %s)" % stable[name] if name in stable else ""))


if __name__ == "__main__":
    main(*sys.argv[1:])
