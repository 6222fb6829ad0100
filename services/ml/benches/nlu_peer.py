"""The peers of `nlu.rs`: TF-IDF of words and characters with a linear SVM, by scikit-learn, and fastText."""

import csv
import json
import os
import pathlib
import pickle
import sys
import tempfile
import time

import fasttext
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


def measure(name, system, train, test, fit):
    """Fits, asks, and prints a row; `fit` gives a function from texts to labels, and the size of the model in bytes."""
    started, cpu = time.monotonic(), time.process_time()
    predict, size = fit(train)
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    answers = predict([text for text, _ in test])
    times = []
    for text, _ in test[:500]:
        begun = time.perf_counter()
        predict([text])
        times.append((time.perf_counter() - begun) * 1e6)
    times.sort()
    inside = share((t, a) for (_, t), a in zip(test, answers) if t != "oos")
    outside = share((t, a) for (_, t), a in zip(test, answers) if t == "oos")
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(
        f"| {name} | {system} | {inside} | {outside} | - "
        f"| {seconds:.2f} ({cpu:.2f}) | {p50:.0f} / {p99:.0f} | {size / 1e6:.1f} |"
    )


def linear_svc(train):
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        ),
        LinearSVC(C=0.5),
    )
    model.fit([text for text, _ in train], [intent for _, intent in train])
    return model.predict, len(pickle.dumps(model))


def fast_text(train):
    with tempfile.TemporaryDirectory() as folder:
        lines = (f"__label__{intent} {' '.join(text.split())}" for text, intent in train)
        source, stored = f"{folder}/train.txt", f"{folder}/model.bin"
        pathlib.Path(source).write_text("\n".join(lines))
        model = fasttext.train_supervised(
            source, epoch=50, lr=0.5, wordNgrams=2, minn=2, maxn=5, dim=100, bucket=200_000, thread=2, verbose=0
        )
        model.save_model(stored)
        size = os.path.getsize(stored)

    def predict(texts):
        found = (model.predict(" ".join(text.split()))[0][0] for text in texts)
        return [label.removeprefix("__label__") for label in found]

    return predict, size


for dataset in (clinc150, banking77):
    name, train, test = dataset(pathlib.Path(sys.argv[1]))
    measure(name, "scikit-learn LinearSVC", train, test, linear_svc)
    measure(name, "fastText", train, test, fast_text)
