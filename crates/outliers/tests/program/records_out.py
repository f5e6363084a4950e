"""Print what `outliers detect` prints as rows or as JSON, with the csv module and NumPy."""

import csv
import json
import sys

import numpy as np

MISSING = {"", "-", "n/a", "NaN", "NULL", "None", "#N/A"}
DELIMITERS = {"c": ",", "s": ";", "t": "\t"}


def detect(name, how):
    with open(name, encoding="utf-8-sig", errors="replace", newline="") as file:
        text = list(file)
    reader = csv.reader(text, delimiter=DELIMITERS[name[0]])
    end, records, header = 0, [], None
    for fields in reader:
        line, end = end + 1, reader.line_num
        raw = "".join(text[line - 1 : end])
        if not raw.strip():
            continue
        if header is None:
            header, first = fields, raw.rstrip("\r\n")
        else:
            records.append((line, raw.rstrip("\r\n"), fields))
    column = header.index("v")
    values = [(fields[column].strip() if len(fields) > column else "") for _, _, fields in records]
    kept = [number for number, value in enumerate(values) if value not in MISSING]
    a = np.array([float(values[number]) for number in kept])
    found = np.where(np.abs(a - a.mean()) > 1.5 * a.std())[0].tolist() if kept else []
    if how == "rows":
        if found:
            print(*[f"{name}:{row}" for row in [first] + [records[kept[i]][1] for i in found]], sep="\n")
        return
    for index in found:
        line, _, fields = records[kept[index]]
        print(json.dumps({
            "file": name, "line": line, "index": index, "value": a[index],
            "record": dict(zip(header, fields)),
        }, ensure_ascii=False))


sys.stdout.reconfigure(encoding="utf-8", newline="")
for name in sys.argv[2:]:
    detect(name, sys.argv[1])
