"""Plausible wrong answers to the assignments, and the tests that each should fail."""

# The loss of a logit, as two right answers have it.
SOFTPLUS = "np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))"

# Of each assignment: what is wrong, the edits (answer, old, new) of the right one, the tests lost.
WRONG = {
    "squared-error": [
        ("sum for mean in the loss", [("mean", "np.mean", "np.sum")], "mean_seen mean_more"),
        (
            "root of the mean",
            [("mean", "np.mean((prediction - target) ** 2)", "np.std(prediction - target)")],
            "mean_seen mean_more",
        ),
        (
            "a column meets a row",
            [("mean", "prediction.shape != target.shape", "False")],
            "mean_shapes",
        ),
        (
            "sign of the gradient",
            [("gradient", "w * x + b - y", "y - w * x - b")],
            "gradient_seen gradient_direction gradient_size",
        ),
        (
            "sum for mean in the gradient",
            [
                (
                    "gradient",
                    "2 * np.mean(residual * x), 2 * np.mean",
                    "2 * sum(residual * x), 2 * sum",
                )
            ],
            "gradient_seen gradient_size",
        ),
        (
            "factor 2 forgotten",
            [("gradient", "2 * np.mean(residual * x), 2 *", "np.mean(residual * x),")],
            "gradient_seen gradient_size",
        ),
        (
            "inner derivative forgotten",
            [("gradient", "residual * x", "residual")],
            "gradient_seen gradient_direction gradient_size",
        ),
        (
            "one-sided differences",
            [("slope", "- f(theta - step)) / (2 * h)", "- f(theta)) / h")],
            "slope_central",
        ),
        ("divided by h", [("slope", "(2 * h)", "h")], "slope_seen slope_central"),
        (
            "theta not put back",
            [
                ("slope", "step = np.zeros(len(theta))", "theta[j] += h"),
                ("slope", "step[j] = h", "above = f(theta)\n        theta[j] -= 2 * h"),
                ("slope", "f(theta + step) - f(theta - step)", "above - f(theta)"),
            ],
            "slope_keeps",
        ),
        (
            "uphill",
            [("train", "w - rate * dw, b - rate * db", "w + rate * dw, b + rate * db")],
            "train_seen train_line train_path",
        ),
        (
            "one parameter after the other",
            [
                ("train", "w, b = w - rate * dw, b - rate * db", "w = w - rate * dw"),
                (
                    "train",
                    "path.append",
                    "b = b - rate * gradient(w, b, x, y)[1]\n        path.append",
                ),
            ],
            "train_seen",
        ),
        ("path without its start", [("train", "[(w, b)]", "[]")], "train_seen train_path"),
        ("half of the bound", [("rate", "2 / np.linalg", "1 / np.linalg")], "rate_seen rate_more"),
        ("bound of the sum", [("rate", "2 / len(x) * features", "features")], "rate_more"),
    ],
    "cross-entropy": [
        (
            "softmax overflows",
            [("softmax", "z - z.max(axis=1, keepdims=True)", "z")],
            "softmax_huge",
        ),
        (
            "sum over all rows",
            [("softmax", "power.sum(axis=1, keepdims=True)", "power.sum()")],
            "softmax_seen softmax_huge",
        ),
        (
            "softmax in place",
            [
                (
                    "softmax",
                    "power = np.exp(z",
                    "z -= z.max(axis=1, keepdims=True)\n    power = np.exp(z",
                )
            ],
            "softmax_keeps",
        ),
        ("sum for mean", [("cross_entropy", "np.mean", "np.sum")], "ce_mean ce_huge ce_tiny"),
        (
            "1e-7 in the log",
            [
                (
                    "cross_entropy",
                    "distance = z",
                    "p = np.exp(z - z.max(axis=1, keepdims=True))\n"
                    "    p /= p.sum(axis=1, keepdims=True)\n"
                    "    return np.mean(-np.log(p[rows, labels] + 1e-7))\n    distance = z",
                )
            ],
            "ce_seen ce_mean ce_huge ce_tiny",
        ),
        ("log for log1p", [("cross_entropy", "np.log1p(", "np.log(1 + ")], "ce_tiny"),
        (
            "loss overflows",
            [
                (
                    "cross_entropy",
                    "distance = z",
                    "return np.mean(np.log(np.exp(z).sum(axis=1)) - z[rows, labels])\n"
                    "    distance = z",
                )
            ],
            "ce_huge ce_tiny",
        ),
        (
            "one-hot rows accepted",
            [
                (
                    "cross_entropy",
                    "if labels.shape != z.shape[:1]:",
                    "labels = labels.argmax(axis=1) if labels.ndim > 1 else labels\n    if False:",
                )
            ],
            "ce_labels",
        ),
        (
            "sign of the gradient",
            [("gradient", "return p /", "return -p /")],
            "gradient_seen gradient_direction gradient_mean gradient_huge",
        ),
        ("gradient of the sum", [("gradient", "p / len(z)", "p")], "gradient_seen gradient_mean"),
        (
            "gradient overflows",
            [("gradient", "z - z.max(axis=1, keepdims=True)", "z")],
            "gradient_huge",
        ),
        (
            "binary overflows",
            [("binary", SOFTPLUS, "np.log(1 + np.exp(z)) - y * z")],
            "binary_huge",
        ),
        (
            "targets taken for classes",
            [("binary", SOFTPLUS, "np.where(y > 0.5, np.logaddexp(0, -z), np.logaddexp(0, z))")],
            "binary_soft",
        ),
        (
            "only the term of class 1",
            [("binary", SOFTPLUS, "y * np.logaddexp(0, -z)")],
            "binary_seen binary_huge binary_soft",
        ),
        (
            "multi-class for multi-label",
            [("multi_label", SOFTPLUS, "y * (np.log(np.exp(z).sum(axis=1, keepdims=True)) - z)")],
            "multi_seen multi_more",
        ),
        (
            "mean over labels too",
            [("multi_label", "each.sum(axis=1)", "each")],
            "multi_seen multi_more",
        ),
        ("sum over samples too", [("multi_label", "np.mean(each", "np.sum(each")], "multi_seen"),
        (
            "multi-label overflows",
            [("multi_label", SOFTPLUS, "np.log(1 + np.exp(z)) - y * z")],
            "multi_more",
        ),
    ],
    "robust-regression": [
        (
            "pieces that do not meet",
            [("huber", "(size - delta / 2)", "size")],
            "huber_outside huber_kink",
        ),
        ("half forgotten", [("huber", "size**2 / 2", "size**2")], "huber_seen huber_kink"),
        ("size forgotten", [("huber", "np.abs(r)", "r")], "huber_outside"),
        (
            "bounded on one side",
            [("pull", "np.clip(r, -delta, delta)", "np.minimum(r, delta)")],
            "pull_negative",
        ),
        (
            "bounded by 1",
            [("pull", "np.clip(r, -delta, delta)", "np.where(abs(r) <= delta, r, np.sign(r))")],
            "pull_delta",
        ),
        (
            "pull of the absolute error",
            [("pull", "np.clip(r, -delta, delta)", "delta * np.sign(r)")],
            "pull_seen pull_negative pull_delta",
        ),
        (
            "standard deviation",
            [("spread", "1.4826 * np.median(np.abs(r - np.median(r)))", "np.std(r)")],
            "spread_seen spread_robust",
        ),
        ("not from the median", [("spread", "r - np.median(r)", "r")], "spread_robust"),
        (
            "no intercept",
            [("fit", "np.ones(len(x))", "0 * x")],
            "fit_intercept fit_outliers fit_delta",
        ),
        ("least squares", [("fit", "range(1000)", "range(0)")], "fit_outliers"),
        ("a δ of one's own", [("fit", "delta / np", "1.0 / np")], "fit_delta"),
        (
            "intercept first",
            [("fit", "return theta", "return theta[::-1]")],
            "fit_seen fit_intercept fit_outliers fit_delta",
        ),
        ("median for mean", [("constant", "np.mean", "np.median")], "constant_seen"),
        ("other end", [("constant", "else 0.9", "else 0.1")], "constant_quantile"),
    ],
    "training-loop": [
        (
            "last batch dropped",
            [("batches", "range(0, n, size)", "range(0, n - size + 1, size)")],
            "batches_seen",
        ),
        (
            "drawn with replacement",
            [("batches", "random.permutation(n)", "random.integers(n, size=n)")],
            "batches_all",
        ),
        ("not shuffled", [("batches", "random.permutation(n)", "np.arange(n)")], "batches_order"),
        (
            "the same order each time",
            [("batches", "random.", "np.random.default_rng(0).")],
            "batches_order",
        ),
        (
            "ReLU of the logits",
            [
                (
                    "forward",
                    'hidden @ p["W2"] + p["b2"]',
                    'np.maximum(hidden @ p["W2"] + p["b2"], 0)',
                )
            ],
            "forward_seen forward_more",
        ),
        (
            "no ReLU",
            [("forward", 'np.maximum(x @ p["W1"] + p["b1"], 0)', 'x @ p["W1"] + p["b1"]')],
            "forward_seen forward_more together_reads",
        ),
        (
            "ReLU not taken back",
            [("backward", " * (hidden > 0)", "")],
            "backward_hidden together_reads",
        ),
        (
            "mean of means",
            [("backward", ".sum(axis=0)", ".mean(axis=0)")],
            "backward_seen backward_hidden",
        ),
        (
            "uphill",
            [("step", "p[name] - rate", "p[name] + rate")],
            "step_seen step_twice together_reads",
        ),
        (
            "damped gradient",
            [("step", "+ g[name]", "+ (1 - beta) * g[name]")],
            "step_seen step_twice",
        ),
        (
            "in place",
            [
                ("step", "v = {name: beta * v[name] + g[name] for name in p}", "for name in p:"),
                (
                    "step",
                    "return {name: p[name] - rate * v[name] for name in p}, v",
                    "    v[name] *= beta\n        v[name] += g[name]\n"
                    "        p[name] -= rate * v[name]\n    return p, v",
                ),
            ],
            "step_keeps",
        ),
        ("the last, not the best", [("train", "return best", "return p")], "train_best"),
        ("one epoch late", [("train", "waited == patience", "waited > patience")], "train_stops"),
        (
            "counted on",
            [("train", "least, waited = p, validation, 0", "least = p, validation")],
            "train_resets",
        ),
        (
            "validated before the epoch",
            [
                ("train", "p, training = epoch(p)", "validation = validate(p)"),
                (
                    "train",
                    "validation = validate(p)\n        history",
                    "p, training = epoch(p)\n        history",
                ),
            ],
            "train_seen train_best train_stops train_resets",
        ),
        ("number for share", [("accuracy", "np.mean", "np.sum")], "accuracy_seen"),
    ],
    "own-loss": [
        (
            "target less filled",
            [("cost", "np.asarray(filled, float) - np.asarray(target, float)", "target - filled")],
            "cost_seen cost_over cost_under",
        ),
        (
            "the whole residual squared",
            [
                ("cost", "np.maximum(r - 5, 0) ** 2", "(r > 5) * r**2"),
                ("cost", "np.maximum(-r - 5, 0) ** 2", "(r < -5) * r**2"),
            ],
            "cost_seen cost_over cost_under",
        ),
        ("no tolerance", [("cost", " - 5", "")], "cost_seen cost_edges cost_over cost_under"),
        (
            "price squared",
            [("cost", "4 * np.maximum(-r - 5, 0) ** 2", "(4 * np.maximum(-r - 5, 0)) ** 2")],
            "cost_seen cost_under",
        ),
        (
            "square forgotten",
            [("cost", "np.maximum(r - 5, 0) ** 2", "np.maximum(r - 5, 0)")],
            "cost_seen cost_over",
        ),
        (
            "factor 2 forgotten",
            [("slope", "2 *", "1 *"), ("slope", "8 *", "4 *")],
            "slope_seen slope_under slope_check",
        ),
        ("sign below", [("slope", "- 8", "+ 8")], "slope_under slope_check"),
        (
            "shares instead of slopes",
            [("slope", "r - 5, 0) - 8", "r - 5, 0) / r.size - 8 / r.size")],
            "slope_seen slope_under slope_check",
        ),
        (
            "the mean",
            [("setting", "low, high", "return 500 - np.mean(errors)\n    low, high")],
            "setting_seen setting_more",
        ),
        ("equal prices", [("setting", "- 8", "- 2")], "setting_seen setting_more"),
        ("errors taken away", [("setting", "middle + errors", "middle - errors")], "setting_more"),
        (
            "flat part forgotten",
            [("normaliser", "2 * tolerance + ", "")],
            "normaliser_seen normaliser_more",
        ),
        (
            "whole bells",
            [("normaliser", "/ a) / 2", "/ a)"), ("normaliser", "/ b) / 2", "/ b)")],
            "normaliser_seen normaliser_more",
        ),
        (
            "price outside of the root",
            [
                ("normaliser", "np.pi / a)", "np.pi) / a"),
                ("normaliser", "np.pi / b)", "np.pi) / b"),
            ],
            "normaliser_more",
        ),
    ],
    "choosing": [
        ("counts as numbers", [("choice", '"Poisson"', '"squared error"')], "choice_calls"),
        ("a sign for a price", [("choice", '"cross-entropy"', '"hinge"')], "choice_fraud"),
        ("the middle", [("choice", '"quantile 0.9"', '"absolute error"')], "choice_times"),
        ("link forgotten", [("slopes", "np.exp(z) - y", "z - y")], "poisson_seen poisson_more"),
        ("slope by the mean", [("slopes", "np.exp(z) - y", "1 - y / np.exp(z)")], "poisson_more"),
        (
            "sign of the binary slope",
            [("slopes", "1 / (1 + np.exp(-z)) - y", "y - 1 / (1 + np.exp(-z))")],
            "binary_seen binary_more",
        ),
        ("sigmoid turned", [("slopes", "np.exp(-z)", "np.exp(z)")], "binary_seen binary_more"),
        ("prices swapped", [("slopes", "-0.9, 0.1", "-0.1, 0.9")], "quantile_seen quantile_more"),
        (
            "squared quantile",
            [("slopes", "np.where(y > z, -0.9, 0.1)", "np.where(y > z, 0.9, 0.1) * (z - y)")],
            "quantile_seen quantile_more",
        ),
        ("one half", [("threshold", "looking / missing", "0.5")], "threshold_more"),
        (
            "look not paid for a fraud",
            [("threshold", "looking / missing", "looking / (looking + missing)")],
            "threshold_seen threshold_more",
        ),
        (
            "only false alarms cost",
            [("threshold", "looking * looked", "looking * looked * (y == 0)")],
            "cost_more",
        ),
        ("sum for mean", [("threshold", "np.mean", "np.sum")], "cost_seen cost_more"),
        ("just in time is late", [("kept", "<=", "<")], "kept_seen"),
        ("late ones counted", [("kept", "<=", ">=")], "kept_seen"),
    ],
}
