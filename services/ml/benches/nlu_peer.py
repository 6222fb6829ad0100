"""The peer of `nlu.rs`: TF-IDF of words and characters with a linear SVM, by scikit-learn."""

import csv
import json
import pathlib
import pickle
import sys
import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC


def clinc150(folder):
    full = json.loads((folder / "clinc150/data_full.json").read_text())
    return "CLINC150", full["train"] + full["oos_train"], full["test"] + full["oos_test"]


def banking77(folder):
    def read(name):
        with open(folder / "banking77" / name, newline="") as file:
            return [(row["text"], row["category"]) for row in csv.DictReader(file)]

    return "BANKING77", read("train.csv"), read("test.csv")


def share(pairs):
    pairs = list(pairs)
    return f"{100 * sum(a == b for a, b in pairs) / len(pairs):.2f}" if pairs else "-"


def measure(name, train, test):
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        ),
        LinearSVC(C=0.5),
    )
    started, cpu = time.monotonic(), time.process_time()
    model.fit([text for text, _ in train], [intent for _, intent in train])
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    answers = model.predict([text for text, _ in test])
    times = []
    for text, _ in test[:500]:
        begun = time.perf_counter()
        model.predict([text])
        times.append((time.perf_counter() - begun) * 1e6)
    times.sort()
    inside = share((t, a) for (_, t), a in zip(test, answers) if t != "oos")
    outside = share((t, a) for (_, t), a in zip(test, answers) if t == "oos")
    size = len(pickle.dumps(model)) / 1e6
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(
        f"| {name} | scikit-learn LinearSVC | {inside} | {outside} | "
        f"| {seconds:.2f} ({cpu:.2f}) | {p50:.0f} / {p99:.0f} | {size:.1f} |"
    )


for dataset in (clinc150, banking77):
    measure(*dataset(pathlib.Path(sys.argv[1])))
