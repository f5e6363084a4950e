"""Read files with Python's strict `csv` and `float`, and print the numbers as bits, or null for an error.

Each line of stdin is a JSON list: the file, the separator, and the column (a name, a number from 0, or
null for all).
"""

import csv
import json
import struct
import sys


def is_name(text):
    try:
        float(text)
    except ValueError:
        return not any(map(str.isdigit, text)) and text not in {"", "-", "n/a", "ND", "Error"}
    return False


def read(name, delimiter, column):
    with open(name, encoding="utf-8-sig", errors="replace", newline="") as file:
        records = list(csv.reader(file, delimiter=delimiter, strict=True))
    records = [fields for fields in records if len(fields) > 1 or "".join(fields).strip()]
    if column is None:
        return [float(word) for fields in records for field in fields for word in field.split() or [""]]
    if column not in {0, "v"} and all(len(fields) == 1 for fields in records) and delimiter != ",":
        # Cutting the file short has removed the separator. Commas may still separate the columns.
        return read(name, ",", column)
    if any(len(fields) != len(records[0]) for fields in records):
        raise ValueError("ragged")
    if records and isinstance(column, str):
        names = [name.strip() for name in records[0]]
        if names.count(column) != 1:
            raise ValueError("no such column")
        column = names.index(column)
        return [float(fields[column]) for fields in records[1:]]
    # With a column number, a word in the first record is a header, and a number is a value.
    first = records[0][column].strip() if records else "0"
    return [float(fields[column]) for fields in records[is_name(first):]]


for line in sys.stdin:
    try:
        numbers = read(*json.loads(line))
        print([struct.unpack("<Q", struct.pack("<d", number))[0] for number in numbers])
    except (csv.Error, ValueError, IndexError):
        print("null")
