"""`reference_sample`."""

SHAPES, LAW, INDEPENDENT, GENERATOR = "shapes", "law of each column", "independent columns", "the given generator"


N = "rng.standard_normal((n_ref, 1))"


def sample(X="rng.standard_normal((n_ref, 1))", Y="rng.standard_normal((n_ref, 1))", first=""):
    return f"{first}X_ref = {X}\nY_ref = {Y}\nreturn X_ref, Y_ref"


LEAST_WRONG, LEAST_RIGHT = 55, 25

# What answers with one fault keep, of 2 points.
EARNS = {
    "logistic": 1.25,
    "clipped at 2.5": 1.25,
    "clipped at 3": 1.25,
    "drawn again beyond 2.5": 1.25,
    "drawn again beyond 3": 1.25,
    "stratified": 1.25,
    "mirrored": 1.25,
    "half repeated": 1.25,
    "centred": 1.25,
    "rounded": 1.25,
    "sorted": 1.25,
    "Y a function of X": 1.5,
    "Y a finer function of X": 1.5,
    "Y spread by X": 1.5,
    "Y by the row before": 1.5,
    "Y reuses half of X": 1.5,
    "X reversed": 1.5,
    "a buffer that is kept": 1.5,
    "vectors": 1.75,
    "constants": 0.25,
}

WRONG = {
    "the joint law": (
        INDEPENDENT,
        "have correlation",
        sample(Y="0.88 * X_ref + (1 - 0.88**2) ** 0.5 * rng.standard_normal((n_ref, 1))"),
    ),
    "a weak joint law": (
        INDEPENDENT,
        "have correlation",
        sample(Y="0.2 * X_ref + (1 - 0.2**2) ** 0.5 * rng.standard_normal((n_ref, 1))"),
    ),
    "one draw for both": (INDEPENDENT, "same draws", sample(Y="X_ref")),
    "one draw, copied": (INDEPENDENT, "same draws", sample(Y="X_ref.copy()")),
    "permuted": (INDEPENDENT, "again", sample(Y="rng.permutation(X_ref)")),
    "minus": (INDEPENDENT, "again", sample(Y="-X_ref")),
    "a random sign": (INDEPENDENT, "not independent", sample(Y="X_ref * rng.choice([-1, 1], (n_ref, 1))")),
    "rolled, with random signs": (
        INDEPENDENT,
        "not independent",
        sample(Y="np.roll(X_ref, 1) * rng.choice([-1, 1], (n_ref, 1))"),
    ),
    "uniform": (LAW, "mean of X_ref", sample("rng.random((n_ref, 1))", "rng.random((n_ref, 1))")),
    "uniform of variance 1": (
        LAW,
        "not normal",
        sample("rng.uniform(-(3**0.5), 3**0.5, (n_ref, 1))", "rng.uniform(-(3**0.5), 3**0.5, (n_ref, 1))"),
    ),
    "Laplace of variance 1": (LAW, "not normal", sample("rng.laplace(0, 0.5**0.5, (n_ref, 1))")),
    "mean 1": (LAW, "mean of X_ref", sample("rng.normal(1, 1, (n_ref, 1))")),
    "rho for a deviation": (LAW, "standard deviation of Y_ref", sample(Y="rng.normal(0, 0.88, (n_ref, 1))")),
    "a variance of 2": (LAW, "standard deviation of X_ref", sample("rng.normal(0, 2, (n_ref, 1))")),
    "sorted": (LAW, "unsorted", sample("np.sort(rng.standard_normal((n_ref, 1)), axis=0)")),
    "the data resampled": (
        LAW,
        "",
        "example = running_example()\nreturn rng.choice(example.X, n_ref), rng.choice(example.Y, n_ref)",
    ),
    "constants": (LAW, "same", "return np.zeros((n_ref, 1)), np.zeros((n_ref, 1))"),
    "vectors": (SHAPES, "should have shape", sample("rng.standard_normal(n_ref)", "rng.standard_normal(n_ref)")),
    "rows": (SHAPES, "should have shape", sample("rng.standard_normal((1, n_ref))", "rng.standard_normal((1, n_ref))")),
    "n_ref ignored": (
        SHAPES,
        "should have shape",
        sample("rng.standard_normal((1000, 1))", "rng.standard_normal((1000, 1))"),
    ),
    "one array": (SHAPES, "stopped with", "return rng.standard_normal((n_ref, 2))"),
    "own generator": (GENERATOR, "same for every seed", sample(first="rng = np.random.default_rng(1)\n")),
    "fresh generator": (GENERATOR, "another source", sample(first="rng = np.random.default_rng()\n")),
    "global state": (GENERATOR, "another source", sample("np.random.randn(n_ref, 1)", "np.random.randn(n_ref, 1)")),
    "global state for Y": (GENERATOR, "Y_ref", sample(Y="np.random.randn(n_ref, 1)")),
    "own generator for Y": (
        GENERATOR,
        "A second call gives the same Y_ref",
        sample(Y="np.random.default_rng(2).standard_normal((n_ref, 1))"),
    ),
    "logistic": (LAW, "tails are too heavy", sample(*["rng.logistic(0, 3**0.5 / np.pi, (n_ref, 1))"] * 2)),
    "Student's": (LAW, "tails are too heavy", sample("rng.standard_t(6, (n_ref, 1)) * (4 / 6) ** 0.5")),
    "clipped at 2.5": (LAW, "beyond 2.5", sample(*[f"np.clip({N}, -2.5, 2.5)"] * 2)),
    "clipped at 3": (LAW, "beyond 3", sample(f"{N}.clip(-3, 3)")),
    "drawn again beyond 2.5": (
        LAW,
        "beyond 2.5",
        sample(
            "np.array([next(z for z in iter(rng.standard_normal, None) if abs(z) < 2.5) for _ in range(n_ref)])"
            "[:, None]"
        ),
    ),
    "drawn again beyond 3": (
        LAW,
        "beyond 3",
        sample(Y="np.array([[next(z for z in iter(rng.standard_normal, None) if abs(z) < 3)] for _ in range(n_ref)])"),
    ),
    "stratified": (
        LAW,
        "too evenly",
        sample(*["ndtri((rng.permutation(n_ref) + rng.random(n_ref)) / n_ref)[:, None]"] * 2),
    ),
    "ten strata": (
        LAW,
        "too evenly",
        sample("ndtri((rng.permutation(n_ref) % 10 + rng.random(n_ref)) / 10)[:, None]"),
    ),
    "mirrored": (
        LAW,
        "with or without their sign",
        sample(
            *["rng.permutation(np.resize(np.stack([z, -z]), (n_ref, 1)))"] * 2,
            first="z = rng.standard_normal(n_ref // 2 + 1)\n",
        ).replace("\nY_ref", "\nz = rng.standard_normal(n_ref // 2 + 1)\nY_ref"),
    ),
    "half repeated": (
        LAW,
        "repeat",
        sample(*["np.resize(rng.standard_normal(n_ref // 2 + 1), (n_ref, 1))"] * 2),
    ),
    "few repeated": (
        LAW,
        "repeat",
        sample("z[:, None]", first="z = rng.standard_normal(n_ref)\nz[: n_ref // 20] = z[-(n_ref // 20) - 1 : -1]\n"),
    ),
    "centred": (LAW, "exactly 0", sample(first=f"z = {N}\n", X="z - z.mean()")),
    "standardised": (LAW, "", sample(first=f"z = {N}\n", X="(z - z.mean()) / z.std()")),
    "rounded": (LAW, "repeat", sample(f"{N}.round(2)", f"{N}.round(2)")),
    "a moving sum": (LAW, "depend on each other", sample(first=f"z = {N}\n", X="(z + np.roll(z, 1)) / 2**0.5")),
    "a far moving sum": (
        LAW,
        "depend on each other",
        sample(first=f"z = {N}\n", X="(z + 0.5 * np.roll(z, n_ref // 3)) / 1.25**0.5"),
    ),
    "sizes of blocks": (
        LAW,
        "",
        sample(f"{N} * np.where(np.arange(n_ref) % 200 < 100, 0.5, 1.75**0.5)[:, None]"),
    ),
    "not a number": (LAW, "finite", sample(f"{N} / (np.arange(n_ref)[:, None] > 0)")),
    "not a number for one": (SHAPES, "1 finite numbers", sample(f"{N} + 0 * np.std(np.ones(n_ref), ddof=1)")),
    "every pair": (
        SHAPES,
        "should have shape",
        "X_ref = rng.standard_normal((n_ref, 1))\n"
        "Y_ref = rng.standard_normal((1, n_ref)) + 0 * X_ref\nreturn X_ref, Y_ref",
    ),
    "Y a function of X": (INDEPENDENT, "not independent", sample(Y="ndtri(abs(6 * abs(2 * ndtr(X_ref) - 1) % 2 - 1))")),
    "Y a finer function of X": (
        INDEPENDENT,
        "not independent",
        sample(Y="ndtri(abs(12 * abs(2 * ndtr(X_ref) - 1) % 2 - 1))"),
    ),
    "Y spread by X": (
        INDEPENDENT,
        "not independent",
        sample(Y="ndtri(abs((ndtr(X_ref) + 0.9 * rng.random((n_ref, 1))) % 1))"),
    ),
    "Y by the row before": (
        INDEPENDENT,
        "other rows",
        sample(Y=f"0.5 * np.roll(X_ref, 1) + 0.75**0.5 * {N}"),
    ),
    "Y by a far row": (
        INDEPENDENT,
        "other rows",
        sample(Y=f"0.5 * np.roll(X_ref, n_ref // 2) + 0.75**0.5 * {N}"),
    ),
    "Y reuses half of X": (
        INDEPENDENT,
        "some draws of X_ref again",
        sample(Y=f"np.where(np.arange(n_ref)[:, None] % 2, X_ref, {N})"),
    ),
    "X reversed": (INDEPENDENT, "again", sample(Y="X_ref[::-1]")),
    "a buffer that is kept": (
        GENERATOR,
        "not one that is kept",
        "kept = globals().setdefault('_kept', {})\nif n_ref not in kept:\n    kept[n_ref] = np.empty((2, n_ref, 1))\n"
        "rng.standard_normal(out=kept[n_ref])\nreturn kept[n_ref][0], kept[n_ref][1]",
    ),
    "a second call goes on from the first": (
        GENERATOR,
        "",
        "state = globals().setdefault('_first', rng)\nreturn state.standard_normal((n_ref, 1)), state.standard_normal("
        "(n_ref, 1))",
    ),
    "the stub": (LAW, "stub is still in place", 'raise NotImplementedError("Replace this line with your own code.")'),
}

RIGHT = {
    "normal": sample("rng.normal(size=(n_ref, 1))", "rng.normal(0, 1, (n_ref, 1))"),
    "both at once": "X_ref, Y_ref = rng.standard_normal((2, n_ref, 1))\nreturn X_ref, Y_ref",
    "two columns": "Z = rng.standard_normal((n_ref, 2))\nreturn Z[:, :1], Z[:, 1:]",
    "multivariate": "Z = rng.multivariate_normal([0, 0], np.eye(2), n_ref)\nreturn Z[:, [0]], Z[:, [1]]",
    "by the quantile": sample("ndtri(rng.random((n_ref, 1)))", "ndtri(rng.random((n_ref, 1)))"),
    "reshaped": sample("rng.standard_normal(n_ref).reshape(-1, 1)", "rng.standard_normal(n_ref)[:, None]"),
    "Y first": "Y_ref = rng.standard_normal((n_ref, 1))\nX_ref = rng.standard_normal((n_ref, 1))\nreturn X_ref, Y_ref",
    "a loop": "X_ref = np.array([[rng.normal()] for _ in range(n_ref)])\n"
    "Y_ref = np.array([[rng.normal()] for _ in range(n_ref)])\n"
    "return X_ref, Y_ref",
    "float32": sample(
        "rng.standard_normal((n_ref, 1), dtype=np.float32)", "rng.standard_normal((n_ref, 1), dtype=np.float32)"
    ),
    "Box and Muller": "u, v = rng.random((2, n_ref, 1))\nr = np.sqrt(-2 * np.log1p(-u))\n"
    "return r * np.cos(2 * np.pi * v), r * np.sin(2 * np.pi * v)",
    "a helper": "def column():\n    return rng.standard_normal((n_ref, 1))\n\nreturn column(), column()",
    "a lambda": "draw = lambda: rng.normal(0.0, 1.0, (n_ref, 1))\nreturn draw(), draw()",
    "a tuple of a generator": "return tuple(rng.standard_normal((n_ref, 1)) for _ in range(2))",
    "a list unpacked": "X_ref, Y_ref = [rng.standard_normal(size=[n_ref, 1]) for _ in 'XY']\nreturn X_ref, Y_ref",
    "type hints": "X_ref: np.ndarray = rng.standard_normal(size=(n_ref, 1))\n"
    "Y_ref: np.ndarray = rng.standard_normal(size=(n_ref, 1))\nreturn (X_ref, Y_ref)",
    "one long vector": "z = rng.standard_normal(2 * n_ref)\nreturn z[:n_ref].reshape(-1, 1), z[n_ref:].reshape(-1, 1)",
    "alternating": "z = rng.standard_normal(2 * n_ref)\nreturn z[::2, None], z[1::2, None]",
    "split": "return tuple(np.hsplit(rng.standard_normal((n_ref, 2)), 2))",
    "transposed": "Z = rng.standard_normal((2, n_ref)).T\nreturn Z[:, :1], Z[:, 1:]",
    "expand_dims": sample(*["np.expand_dims(rng.standard_normal(n_ref), axis=1)"] * 2),
    "filled": "X_ref, Y_ref = np.empty((n_ref, 1)), np.empty((n_ref, 1))\nfor i in range(n_ref):\n"
    "    X_ref[i, 0] = rng.normal()\n    Y_ref[i, 0] = rng.normal()\nreturn X_ref, Y_ref",
    "appended": "xs, ys = [], []\nwhile len(xs) < n_ref:\n    xs.append([rng.standard_normal()])\n"
    "    ys.append([rng.standard_normal()])\nreturn np.array(xs), np.array(ys)",
    "out": "X_ref, Y_ref = np.zeros((n_ref, 1)), np.zeros((n_ref, 1))\nrng.standard_normal(out=X_ref)\n"
    "rng.standard_normal(out=Y_ref)\nreturn X_ref, Y_ref",
    "spawned": "a, b = rng.spawn(2)\nreturn a.standard_normal((n_ref, 1)), b.standard_normal((n_ref, 1))",
    "shuffled": sample("rng.permutation(rng.standard_normal((n_ref, 1)))"),
    "the joint law with rho 0": "rho = 0\nX_ref = rng.standard_normal((n_ref, 1))\n"
    "Y_ref = rho * X_ref + np.sqrt(1 - rho**2) * rng.standard_normal((n_ref, 1))\nreturn X_ref, Y_ref",
    "early return": "if n_ref == 0:\n    return np.empty((0, 1)), np.empty((0, 1))\n" + sample(),
    "a Cholesky factor": "Z = rng.standard_normal((n_ref, 2)) @ np.linalg.cholesky(np.eye(2)).T\n"
    "return Z[:, [0]], Z[:, [1]]",
    "newaxis and einsum": "z = rng.standard_normal((n_ref, 2))\n"
    "return np.einsum('ij,j->i', z, [1.0, 0.0])[:, np.newaxis], z[:, 1][:, np.newaxis]",
    "minus one of them": sample(Y="-rng.standard_normal((n_ref, 1))"),
}
