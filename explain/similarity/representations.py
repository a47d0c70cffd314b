"""How alike two layers see the same photos, whatever their sizes: centred kernel alignment."""

from __future__ import annotations

import numpy as np

from explain.errors import OptionError

FEWEST = 4  # photos, for the estimate without bias
SHUFFLES = 20  # chance beats all of them once in 21 times


def linear_cka(gram_a: np.ndarray, gram_b: np.ndarray, debiased: bool = False) -> float:
    """Linear CKA of two layers from their Gram matrices K = X Xᵀ and L = Y Yᵀ, (n, n) for n photos.

    S. Kornblith et al., Similarity of neural network representations revisited, ICML 2019, eq. 3 and 4:

        CKA = HSIC(K, L) / √(HSIC(K, K) · HSIC(L, L)),    HSIC(K, L) = tr(K H L H) / (n − 1)²

    0..1; 1 where one layer's answers are the other's turned, mirrored, scaled and shifted. Centred here, so
    centred matrices do as well. With few photos the figure is too high: n photos and layers much wider than n
    give nearly 1 to networks that have nothing in common.

    debiased: with the unbiased estimate of HSIC (L. Song et al., JMLR 13, 2012, eq. 5) in all three places:
    near 0, and below it, where layers have nothing in common. At least 4 photos.

    NaN where a layer answers the same to every photo, or a number is not finite. OptionError for matrices of
    different sizes, and for fewer than 2 photos (4 where `debiased`).
    """
    return float(cka_matrix(np.asarray(gram_a)[None], np.asarray(gram_b)[None], debiased)[0, 0])


def cka_matrix(grams_a: np.ndarray, grams_b: np.ndarray, debiased: bool = False) -> np.ndarray:
    """`linear_cka` of every layer with every other: (La, n, n), (Lb, n, n) → (La, Lb) float64."""
    first, second = _stack(grams_a), _stack(grams_b)
    if first.shape[1] != second.shape[1]:
        raise OptionError(
            f"Expected Gram matrices of the same photos, received {first.shape[1:]} and {second.shape[1:]}."
        )
    least = FEWEST if debiased else 2
    if first.shape[1] < least:
        raise OptionError(f"Expected at least {least} photos, received {first.shape[1]}.")
    found = _unit(first, debiased) @ _unit(second, debiased).T
    return np.clip(found, -1.0 if debiased else 0.0, 1.0)


def chance(grams_a: np.ndarray, grams_b: np.ndarray, debiased: bool = False, seed: int = 0) -> np.ndarray:
    """What `cka_matrix` finds, at most, in 20 tries with the photos of one network shuffled: (La, Lb).

    A figure that does not lie above it says nothing.
    """
    first, second = _unit(_stack(grams_a), debiased), _stack(grams_b)
    generator, n = np.random.default_rng(seed), second.shape[1]
    tries = []
    while len(tries) < SHUFFLES:
        order = generator.permutation(n)
        if n == 1 or (order != np.arange(n)).any():
            tries.append(first @ _unit(second[:, order][:, :, order], debiased).T)
    return np.clip(np.max(tries, axis=0), -1.0 if debiased else 0.0, 1.0)


def _unit(grams: np.ndarray, debiased: bool) -> np.ndarray:
    """(L, n · n), centred and of length 1; NaN where nothing is left of a layer after centring."""
    size = len(grams), -1
    kernels = (_u_centred if debiased else _centred)(grams).reshape(size)
    lengths = np.linalg.norm(kernels, axis=1, keepdims=True)
    rounding = 1e-6 * np.linalg.norm(grams.reshape(size), axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(lengths > rounding, kernels, np.nan) / np.where(lengths > 0, lengths, 1)


def _centred(k: np.ndarray) -> np.ndarray:
    """H K H, H = 1 − 1/n: as of answers less their mean over the photos."""
    rows = k.mean(axis=2, keepdims=True)
    return k - rows - rows.transpose(0, 2, 1) + k.mean(axis=(1, 2), keepdims=True)


def _u_centred(k: np.ndarray) -> np.ndarray:
    """With a diagonal of 0 and rows that sum to 0: ⟨K̃, L̃⟩ / (n (n − 3)) is HSIC₁ of Song et al.

    That form: G. Székely and M. Rizzo, Ann. Statist. 42(6), 2014, eq. 2.6.
    """
    n, own = k.shape[1], np.eye(k.shape[1], dtype=bool)
    k = np.where(own, 0, k)
    rows = k.sum(axis=2, keepdims=True) / (n - 2)
    whole = k.sum(axis=(1, 2), keepdims=True) / ((n - 1) * (n - 2))
    return np.where(own, 0, k - rows - rows.transpose(0, 2, 1) + whole)


def _stack(grams: np.ndarray) -> np.ndarray:
    """(L, n, n) float64, symmetrical; layers with numbers that are not finite are NaN all over."""
    found = np.asarray(grams, np.float64)
    if found.ndim != 3 or found.shape[1] != found.shape[2]:
        raise OptionError(f"Expected Gram matrices (n, n), received {found.shape[1:]}.")
    finite = np.isfinite(found).all(axis=(1, 2), keepdims=True)
    return np.where(finite, (found + found.transpose(0, 2, 1)) / 2, np.nan)
