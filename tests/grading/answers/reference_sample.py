"""`reference_sample`."""

SHAPES, LAW, INDEPENDENT, GENERATOR = "shapes", "law of each column", "independent columns", "the given generator"


def sample(X="rng.standard_normal((n_ref, 1))", Y="rng.standard_normal((n_ref, 1))", first=""):
    return f"{first}X_ref = {X}\nY_ref = {Y}\nreturn X_ref, Y_ref"


LEAST_WRONG, LEAST_RIGHT = 10, 6

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
}
