"""`resample_pairs`, judged by two test cells."""

SHAPES, WHOLE, LAW = "shapes", "whole rows", "each row equally likely, with replacement"
INDICES, GENERATOR, FRESH = "two independent indices", "only the given generator", "fresh numbers at each call"
INPUTS, NEW = "inputs stay as they are", "results are new arrays"


def pairs(J="rng.integers(len(X), size=size)", K="rng.integers(len(Y), size=size)", result="X[J], Y[K]", first=""):
    return f"{first}J = {J}\nK = {K}\nreturn {result}"


LEAST_WRONG, LEAST_RIGHT = 75, 35

# What answers with one fault keep, of 3 points and 2.
EARNS = {
    "the last row never": 4.0,
    "the last row of Y never": 4.0,
    "rounded": 4.0,
    "each row as often": 4.0,
    "dealt out where size exceeds n": 4.0,
    "permutations one after another": 4.0,
    "half drawn and repeated": 4.0,
    "each drawn twice": 4.0,
    "mirrored halves": 4.0,
    "strata": 4.0,
    "without replacement for few": 4.0,
    "sorted": 4.0,
    "one row repeated": 3.0,
    "size ignored": 2.0,
    "K holds most of J": 4.0,
    "Y first": 4.0,
    "noise added": 4.5,
    "one more": 4.5,
    "X shuffled": 4.5,
    "Y sorted in place": 4.5,
    "views": 3.75,
    "read only": 4.75,
    "a buffer that is kept": 4.75,
    "a fresh generator": 4.25,
    "numpy's global state": 4.25,
    "global state, seeded": 3.0,
    "a fixed seed": 3.0,
}


def drawn(J, first=""):
    """Both indices drawn alike, each from its own number of rows."""
    return pairs(J, J.replace("len(X)", "len(Y)"), first=first)


WRONG = {
    "without replacement": (
        LAW,
        "draw with replacement",
        pairs("rng.choice(len(X), size, replace=False)", "rng.choice(len(Y), size, replace=False)"),
    ),
    "replacement only where needed": (
        LAW,
        "With size = n",
        pairs("rng.choice(len(X), size, replace=size > len(X))", "rng.choice(len(Y), size, replace=size > len(Y))"),
    ),
    "X without replacement": (LAW, "draw with replacement", pairs("rng.permutation(len(X))[:size]")),
    "permutations one after another": (
        LAW,
        "all different",
        pairs(
            "np.concatenate([rng.permutation(len(X)) for _ in range(size // len(X) + 1)])[:size]",
            "np.concatenate([rng.permutation(len(Y)) for _ in range(size // len(Y) + 1)])[:size]",
        ),
    ),
    "a permutation repeated": (
        LAW,
        "all different",
        pairs("np.resize(rng.permutation(len(X)), size)", "np.resize(rng.permutation(len(Y)), size)"),
    ),
    "sorted": (LAW, "leave them unsorted", pairs("np.sort(rng.integers(len(X), size=size))")),
    "both sorted": (
        LAW,
        "leave them unsorted",
        pairs("np.sort(rng.integers(len(X), size=size))", "np.sort(rng.integers(len(Y), size=size))"),
    ),
    "the last row never": (LAW, "last row of X is never", pairs("rng.integers(len(X) - 1, size=size)")),
    "the first row never": (LAW, "first row of X is never", pairs("rng.integers(1, len(X), size=size)")),
    "the last row of Y never": (LAW, "last row of Y is never", pairs(K="rng.integers(0, len(Y) - 1, size)")),
    "rounded": (
        LAW,
        "not equally likely",
        pairs(
            "np.round(rng.random(size) * (len(X) - 1)).astype(int)",
            "np.round(rng.random(size) * (len(Y) - 1)).astype(int)",
        ),
    ),
    "normal": (
        LAW,
        "not equally likely",
        pairs("(rng.normal(len(X) / 2, 2, size).astype(int)) % len(X)"),
    ),
    "squares": (LAW, "not equally likely", pairs("(rng.random(size) ** 2 * len(X)).astype(int)")),
    "a random walk": (LAW, "", pairs("np.cumsum(rng.integers(-1, 2, size)) % len(X)")),
    "each row as often": (
        LAW,
        "",
        pairs("rng.permuted(np.arange(size) % len(X))", "rng.permuted(np.arange(size) % len(Y))"),
    ),
    "one row repeated": (LAW, "not equally likely", pairs("np.full(size, rng.integers(len(X)))")),
    "one index for both": (INDICES, "draw K apart from J", pairs(K="J")),
    "one call for both": (INDICES, "true pair", pairs("rng.integers(len(X), size=size)", "J.copy()")),
    "a rotation": (INDICES, "No true pair", pairs(K="(J + rng.integers(1, len(X))) % len(X)")),
    "a fixed rotation": (INDICES, "No true pair", pairs(K="(J + 1) % len(X)")),
    "never a true pair": (INDICES, "No true pair", pairs(K="(J + rng.integers(1, len(X), size)) % len(X)")),
    "K is J reordered": (INDICES, "J in another order", pairs(K="rng.permutation(J)")),
    "K is J shifted": (INDICES, "", pairs("rng.integers(len(X), size=size + 1)", "J[1:]", "X[J[:-1]], Y[K]")),
    "reversed": (INDICES, "J in another order", pairs(K="J[::-1]")),
    "mirrored": (INDICES, "", pairs(K="len(X) - 1 - J")),
    "a dependent pair": (
        INDICES,
        "depend",
        pairs(K="np.where(rng.random(size) < 0.5, J, rng.integers(len(Y), size=size))"),
    ),
    "the generator copied": (
        INDICES,
        "true pair",
        pairs(first="import copy\nother = copy.deepcopy(rng)\n", K="other.integers(len(Y), size=size)"),
    ),
    "only X": (WHOLE, "rows of 1 numbers", pairs(result="X[J], Y")),
    "only Y": (WHOLE, "as it is", pairs(result="X, Y[K]")),
    "X in its order": (INDICES, "taken in their own order", pairs("np.arange(size) % len(X)")),
    "Y in its order": (INDICES, "taken in their own order", pairs(K="np.resize(np.arange(len(Y)), size)")),
    "size ignored": (
        SHAPES,
        "for size",
        pairs("rng.integers(len(X), size=len(X))", "rng.integers(len(Y), size=len(Y))"),
    ),
    "size cut to n": (
        SHAPES,
        "for size",
        pairs("rng.integers(len(X), size=min(size, len(X)))", "rng.integers(len(Y), size=min(size, len(Y)))"),
    ),
    "one more": (
        SHAPES,
        "for size",
        pairs("rng.integers(len(X), size=size + 1)", "rng.integers(len(Y), size=size + 1)"),
    ),
    "flattened": (SHAPES, "should have shape", pairs(result="X[J], Y[K].ravel()")),
    "transposed": (SHAPES, "should have shape", pairs(result="X[J].T, Y[K].T")),
    "columns mixed": (
        WHOLE,
        "index whole rows",
        pairs(result="np.column_stack([rng.permutation(c) for c in X[J].T]), Y[K]"),
    ),
    "all entries": (
        SHAPES,
        "should have shape",
        pairs(result="rng.choice(X.ravel(), size), rng.choice(Y.ravel(), size)"),
    ),
    "Y first": (WHOLE, "return X_ref first", pairs(result="Y[K], X[J]")),
    "indices returned": (WHOLE, "", pairs(result="J, K")),
    "one array": (WHOLE, "", pairs(result="np.hstack([X[J], Y[K]])")),
    "noise added": (
        WHOLE,
        "rows of X and of Y as they are",
        pairs(result="X[J] + 0.01 * rng.standard_normal((size, 1)), Y[K]"),
    ),
    "a normal law": (
        WHOLE,
        "",
        "return rng.standard_normal((size, X.shape[1])), rng.standard_normal((size, Y.shape[1]))",
    ),
    "beyond the end": (WHOLE, "from 0 to n - 1", pairs("rng.integers(len(X) + 1, size=size)")),
    "a fixed seed": (GENERATOR, "same for every seed", pairs(first="rng = np.random.default_rng(0)\n")),
    "a fixed seed, each call": (FRESH, "seed no new one", pairs(first="rng = np.random.default_rng(0)\n")),
    "a fresh generator": (GENERATOR, "another source of chance", pairs(first="rng = np.random.default_rng()\n")),
    "numpy's global state": (
        GENERATOR,
        "another source of chance",
        pairs("np.random.randint(len(X), size=size)", "np.random.randint(len(Y), size=size)"),
    ),
    "global state for Y": (GENERATOR, "rows of Y", pairs(K="np.random.randint(len(Y), size=size)")),
    "global state, seeded": (
        FRESH,
        "seed no new one",
        pairs(
            "np.random.randint(len(X), size=size)", "np.random.randint(len(Y), size=size)", first="np.random.seed(1)\n"
        ),
    ),
    "Python's random": (GENERATOR, "", pairs("[__import__('random').randrange(len(X)) for _ in range(size)]")),
    "the notebook's generator": (
        GENERATOR,
        "",
        pairs("globals()['rng'].integers(len(X), size=size)", "globals()['rng'].integers(len(Y), size=size)"),
    ),
    "a seed of its own for Y": (
        GENERATOR,
        "rows of Y are the same",
        pairs(K="np.random.default_rng(5).integers(len(Y), size=size)"),
    ),
    "X shuffled": (INPUTS, "do not shuffle", pairs(first="rng.shuffle(X)\n")),
    "both shuffled": (INPUTS, "do not shuffle", "rng.shuffle(X)\nrng.shuffle(Y)\n" + pairs()),
    "X centred after use": (
        INPUTS,
        "was changed",
        pairs(result="A, B").replace("return", "A, B = X[J], Y[K]\nX -= X.mean()\nreturn"),
    ),
    "Y sorted in place": (INPUTS, "Y was changed", pairs(first="Y.sort(axis=0)\n")),
    "views": (
        NEW,
        "Writing to X_ref changes X",
        pairs(first="if size == len(X):\n    return X[:], Y[:]\n"),
    ),
    "read only": (
        NEW,
        "read-only",
        pairs()
        .replace("return", "A, B = X[J], Y[K]\nA.flags.writeable = False\nreturn")
        .replace("return X[J], Y[K]", "return A, B"),
    ),
    "the first rows": (FRESH, "", "return X[:size], Y[:size]"),
    "dealt out where size exceeds n": (
        LAW,
        "equally often",
        drawn(
            "rng.permuted(np.resize(np.arange(len(X)), size)) if size > 2 * len(X) else rng.integers(len(X), size=size)"
        ),
    ),
    "half drawn and repeated": (LAW, "before", drawn("np.resize(rng.integers(len(X), size=size // 2 + 1), size)")),
    "half drawn and repeated for X": (
        LAW,
        "before",
        pairs("np.resize(rng.integers(len(X), size=size // 2 + 1), size)"),
    ),
    "a tenth repeated": (
        LAW,
        "before",
        pairs(K="np.resize(rng.integers(len(Y), size=size - size // 10), size)"),
    ),
    "each drawn twice": (LAW, "before", drawn("np.repeat(rng.integers(len(X), size=size), 2)[:size]")),
    "mirrored halves": (
        LAW,
        "before",
        drawn(
            "np.resize(np.concatenate([half, len(X) - 1 - half]), size)",
            "half = rng.integers(len(X), size=size // 2 + 1)\n",
        ).replace("\nK", "\nhalf = rng.integers(len(X), size=size // 2 + 1)\nK"),
    ),
    "strata": (
        LAW,
        "equally often",
        drawn("rng.permutation(((np.arange(size) + rng.random(size)) / size * len(X)).astype(int))"),
    ),
    "strata in order": (
        LAW,
        "equally often",
        pairs("((np.arange(size) + rng.random(size)) / size * len(X)).astype(int)"),
    ),
    "without replacement for few": (
        LAW,
        "With size = 5 of 9",
        drawn("rng.choice(len(X), size, replace=size >= len(X))"),
    ),
    "never the row before": (
        LAW,
        "before",
        pairs("(np.cumsum(rng.integers(1, len(X), size=size)) + rng.integers(len(X))) % len(X)"),
    ),
    "forty drawn and repeated": (LAW, "", drawn("np.resize(rng.integers(len(X), size=40), size)")),
    "K holds most of J": (
        INDICES,
        "",
        pairs(K="np.concatenate([J[size // 10 :], rng.integers(len(Y), size=size // 10)])"),
    ),
    "K is J some places on": (
        INDICES,
        "some places on",
        pairs(K="np.concatenate([rng.integers(len(Y), size=size // 3), J])[:size]"),
    ),
    "K avoids J": (INDICES, "No true pair", pairs(K="(J + 1 + rng.integers(len(X) - 1, size=size)) % len(X)")),
    "K near J": (INDICES, "depend", pairs(K="(J + rng.integers(0, 4, size)) % len(X)")),
    "not a number": (
        WHOLE,
        "does not hold",
        pairs(result="A, Y[K]").replace("return", "A = X[J]\nA[0] = np.nan\nreturn"),
    ),
    "every pair of rows": (SHAPES, "should have shape", pairs(result="X[J][:, None, :] + 0 * Y[K], Y[K]")),
    "a buffer that is kept": (
        NEW,
        "keep none",
        "kept = globals().setdefault('_kept', {})\nkey = size, X.shape[1]\nif key not in kept:\n"
        "    kept[key] = np.empty((size, X.shape[1])), np.empty((size, Y.shape[1]))\nA, B = kept[key]\n"
        "A[:] = X[rng.integers(len(X), size=size)]\nB[:] = Y[rng.integers(len(Y), size=size)]\nreturn A, B",
    ),
    "X set to zero": (
        INPUTS,
        "was changed",
        pairs(result="A, B").replace("return", "A, B = X[J], Y[K]\nX[:] = 0\nreturn"),
    ),
    "X sorted in place": (INPUTS, "X was changed", pairs(first="X.sort(axis=0)\n")),
    "the stub": (LAW, "stub is still in place", 'raise NotImplementedError("Replace this line with your own code.")'),
}

RIGHT = {
    "choice": pairs("rng.choice(len(X), size)", "rng.choice(len(Y), size=size, replace=True)"),
    "choice of rows": "return rng.choice(X, size, axis=0), rng.choice(Y, size, axis=0)",
    "two at once": pairs("rng.integers(len(X), size=(2, size))", "J[1]", "X[J[0]], Y[K]"),
    "one index of pairs": pairs("rng.integers(len(X) * len(Y), size=size)", "J // len(X)", "X[J % len(X)], Y[K]"),
    "divmod": "J, K = divmod(rng.integers(len(X) ** 2, size=size), len(X))\nreturn X[J], Y[K]",
    "floor of uniform": pairs(
        "(rng.random(size) * len(X)).astype(int)", "np.floor(rng.random(size) * len(Y)).astype(int)"
    ),
    "take": pairs(result="np.take(X, J, axis=0), Y.take(K, axis=0)"),
    "a loop": "A = np.array([X[rng.integers(len(X))] for _ in range(size)])\n"
    "B = np.array([Y[rng.integers(len(Y))] for _ in range(size)])\nreturn A, B",
    "a loop over pairs": "rows = [(X[rng.integers(len(X))], Y[rng.integers(len(Y))]) for _ in range(size)]\n"
    "A, B = zip(*rows)\nreturn np.array(A), np.array(B)",
    "Y first drawn": "K = rng.integers(len(Y), size=size)\nJ = rng.integers(len(X), size=size)\nreturn X[J], Y[K]",
    "all columns named": pairs(result="X[J, :], Y[K, :]"),
    "copies": pairs(result="X[J].copy(), np.array(Y[K])"),
    "endpoint": pairs(
        "rng.integers(0, len(X) - 1, size, endpoint=True)", "rng.integers(low=0, high=Y.shape[0], size=size)"
    ),
    "the chapter's resample": "return resample(X, size, replace=True, rng=rng), resample(Y, size, True, rng)",
    "a shuffled order of draws": pairs("rng.permutation(rng.integers(len(X), size=size))"),
    "one half each": pairs("rng.integers(len(X), size=2 * size)", "J[size:]", "X[J[:size]], Y[K]"),
    "alternating": pairs("rng.integers(len(X), size=2 * size)", "J[1::2]", "X[J[::2]], Y[K]"),
    "spawned": pairs("rng.spawn(1)[0].integers(len(X), size=size)"),
    "prints": pairs(first="print(len(X), size)\n"),
    "type hints": "n: int = len(X)\nJ: np.ndarray = rng.integers(low=0, high=n, size=size)\n"
    "K: np.ndarray = rng.integers(low=0, high=n, size=size)\nreturn X[J], Y[K]",
    "a helper": "def draw(Z):\n    return Z[rng.integers(len(Z), size=size)]\n\nreturn draw(X), draw(Y)",
    "a lambda": "pick = lambda Z: Z[rng.choice(len(Z), size=size)]\nreturn pick(X), pick(Y)",
    "a generator unpacked": "return tuple(Z[rng.integers(len(Z), size=size)] for Z in (X, Y))",
    "a list unpacked": "J, K = [rng.integers(0, X.shape[0], size) for _ in range(2)]\nreturn X[J], Y[K]",
    "comprehension": "return (\n    np.array([X[rng.integers(len(X))] for _ in range(size)]),\n"
    "    np.array([Y[rng.integers(len(Y))] for _ in range(size)]),\n)",
    "filled": "A = np.empty((size, X.shape[1]))\nB = np.empty((size, Y.shape[1]))\nfor i in range(size):\n"
    "    A[i] = X[rng.integers(len(X))]\n    B[i] = Y[rng.integers(len(Y))]\nreturn A, B",
    "appended": "A, B = [], []\nwhile len(A) < size:\n    A.append(X[rng.integers(len(X))])\n"
    "    B.append(Y[rng.integers(len(Y))])\nreturn np.stack(A), np.vstack(B)",
    "one-hot and einsum": "J, K = rng.integers(len(X), size=size), rng.integers(len(Y), size=size)\n"
    "one = np.eye(len(X))\nreturn np.einsum('ij,jk->ik', one[J], X), one[K] @ Y",
    "weights": "p = np.full(len(X), 1 / len(X))\n"
    + pairs("rng.choice(len(X), size, p=p)", "rng.choice(len(Y), size, p=p)"),
    "multinomial": "counts = rng.multinomial(size, np.full(len(X), 1 / len(X)))\n"
    + pairs("rng.permutation(np.repeat(np.arange(len(X)), counts))"),
    "searchsorted": "edges = np.arange(1, len(X) + 1) / len(X)\n"
    + pairs("np.searchsorted(edges, rng.random(size), side='right')"),
    "unravelled": "J, K = np.unravel_index(rng.integers(len(X) * len(Y), size=size), (len(X), len(Y)))\n"
    "return X[J], Y[K]",
    "copied first": "A, B = X.copy(), Y.copy()\n" + pairs(result="A[J], B[K]"),
    "early return": "if size == 0:\n    return X[:0].copy(), Y[:0].copy()\n" + pairs(),
    "one at a time": pairs(
        "[int(rng.integers(len(X))) for _ in range(size)]", "[rng.integers(len(Y)) for _ in range(size)]"
    ),
    "shuffled copies": "rng.shuffle(A := X.copy())\nrng.shuffle(B := Y.copy())\n" + pairs(result="A[J], B[K]"),
    "by columns": pairs(
        result="np.column_stack([c[J] for c in X.T]), np.concatenate([c[K][:, None] for c in Y.T], axis=1)"
    ),
    "modulo": pairs(
        "rng.integers(len(X) * 1000, size=size) % len(X)", "rng.integers(0, 10**6 * len(Y), size) % len(Y)"
    ),
    "take_along_axis": pairs(
        result="np.take_along_axis(X, J[:, None], axis=0) if X.shape[1] == 1 else X[J], np.take(Y, K, 0)"
    ),
}
