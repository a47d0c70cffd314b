"""How alike two maps, two layers and two lists of classes are: with a pencil, and against the definitions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from explain.errors import OptionError
from explain.render import enlarge
from explain.results import Grams, Layer, Model, Output
from explain.similarity import (
    best_matches,
    chance,
    cka_matrix,
    compare_grams,
    curve,
    first_below,
    linear_cka,
    match_classes,
    match_layers,
    most_alike,
    named,
    same_architecture,
    similarity,
    spearman,
    ssim,
    steepest,
    top_overlap,
)  # fmt: skip

RANDOM = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


# Spearman ------------------------------------------------------------------------------------------------


def test_spearman_with_a_pencil():
    # Differences of the ranks 0, 1, 1, 0: 1 − 6·2 / (4·15).
    assert spearman(np.array([1, 2, 3, 4]), np.array([1, 3, 2, 4])) == pytest.approx(0.8)
    assert spearman(np.array([1, 2, 3]), np.array([30, 20, 10])) == -1
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / √(4.5 · 5).
    assert spearman(np.array([0, 7, 7, 9]), np.array([1, 2, 3, 4])) == pytest.approx(math.sqrt(0.9))


def test_only_the_order_of_the_cells_counts():
    a, b = noise(9, 9), noise(9, 9)
    assert spearman(a, b) == pytest.approx(spearman(np.exp(a), b**3))
    assert math.isnan(spearman(np.zeros(4), np.arange(4)))


# SSIM ----------------------------------------------------------------------------------------------------


def by_the_letter(a: np.ndarray, b: np.ndarray) -> float:
    """Eq. 13 of Wang et al. place by place: as slow as it is plain."""
    span = max(a.max(), b.max()) - min(a.min(), b.min())
    steps = np.arange(11) - 5
    window = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    found = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            x, y = a[i : i + 11, j : j + 11].astype(float), b[i : i + 11, j : j + 11].astype(float)
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            found.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(found))


@pytest.mark.parametrize("shape", [(11, 11), (14, 20)])
@pytest.mark.parametrize("offset", [0, 1000])
def test_ssim_is_the_papers(shape, offset):
    a = noise(*shape)
    b = a + noise(*shape) / 2
    assert ssim(a + offset, b + offset) == pytest.approx(by_the_letter(a + offset, b + offset), abs=1e-6)


def test_ssim_of_two_cells_with_a_pencil():
    # One window of two equal weights. a = [0 1]: mean ½, variance ¼; b = [1 0] the same, covariance −¼; L = 1.
    a, b = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    assert ssim(a, b) == pytest.approx((-0.5 + 0.0009) / (0.5 + 0.0009))
    assert ssim(a, a) == pytest.approx(1)


def test_ssim_of_small_maps_has_a_window_of_their_size():
    a, b = noise(7, 7), noise(7, 7)
    steps = (np.arange(7) - 3) / (1.5 * 7 / 11)
    window = np.exp(-0.5 * (steps[:, None] ** 2 + steps[None] ** 2))
    window /= window.sum()
    span = max(a.max(), b.max()) - min(a.min(), b.min())
    (ma, mb), (c1, c2) = [(window * m).sum() for m in (a, b)], [(k * span) ** 2 for k in (0.01, 0.03)]
    va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
    cov = (window * (a - ma) * (b - mb)).sum()
    wanted = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(a, b) == pytest.approx(wanted, rel=1e-5)


def test_an_offset_does_not_drown_the_shapes():
    """One window of two cells at 10⁹: the means agree to 10⁻⁹, and what is left is the structure."""
    a, b = np.array([[0.0, 1.0]]) + 1e9, np.array([[1.0, 0.0]]) + 1e9
    assert ssim(a, b) == pytest.approx((-0.5 + 0.0009) / (0.5 + 0.0009), rel=1e-6)


# The hottest cells ---------------------------------------------------------------------------------------


def test_overlap_with_a_pencil():
    a, b = np.array([9, 8, 0, 1]), np.array([9, 0, 8, 1])
    assert top_overlap(a, b, 0.25) == 1
    assert top_overlap(a, b, 0.5) == pytest.approx(1 / 3)
    assert top_overlap(a, b, 1) == 1
    assert top_overlap(a, -b, 0.25) == 0
    assert top_overlap(a, b, 0.4) == pytest.approx(1 / 3)  # 1.6 cells are two
    assert top_overlap(a, b, 0.01) == 1  # never none


def test_equal_cells_share_the_places_that_are_left():
    assert top_overlap(np.array([9, 5, 5, 0]), np.array([9, 5, 0, 0]), 0.5) == pytest.approx(1.5 / 2.5)
    a, b = np.maximum(noise(8, 8), 1), np.maximum(noise(8, 8), 1)  # most cells are equal
    same = top_overlap(a, b, 0.5)
    assert top_overlap(b, a, 0.5) == pytest.approx(same)
    order = RANDOM.permutation(64)
    assert top_overlap(a.ravel()[order], b.ravel()[order], 0.5) == pytest.approx(same)


# All three -----------------------------------------------------------------------------------------------


def test_a_map_is_like_itself_at_any_size():
    a = noise(7, 7)
    found = similarity(a, a)
    assert (found.spearman, found.ssim, found.top_k, found.share) == (
        pytest.approx(1),
        pytest.approx(1),
        1,
        0.1,
    )
    smooth = np.add.outer(np.arange(7.0), np.arange(7.0))
    large = similarity(smooth, np.add.outer(np.arange(14.0), np.arange(14.0)) / 2 - 0.25)
    assert large.spearman > 0.99 and large.ssim > 0.99 and not large.notices
    assert similarity(np.eye(4, 2), np.eye(3, 5)).notices == ()  # each side by itself


def test_maps_meet_in_the_larger_size():
    a, b = noise(2, 3), noise(8, 5)
    found = similarity(a, b)
    assert found.spearman == pytest.approx(spearman(enlarge(a, 8, 5), b))
    assert found.ssim == pytest.approx(ssim(enlarge(a, 8, 5), b)) and similarity(b, a).top_k == found.top_k


def test_the_most_alike_channel():
    one = noise(4, 4)
    maps = np.stack([noise(4, 4), -one, np.exp(one), np.zeros((4, 4))], axis=-1)
    assert most_alike(one, maps) == (2, pytest.approx(1))
    channel, figure = most_alike(one, maps[..., 3:])
    assert channel == 0 and math.isnan(figure)
    smooth = np.add.outer(np.arange(3.0), np.arange(3.0))
    large = np.stack([noise(6, 6), np.add.outer(np.arange(6.0), np.arange(6.0))], axis=-1)
    assert most_alike(smooth, large)[0] == 1 and most_alike(smooth, large)[1] > 0.95


@pytest.mark.parametrize(("value", "code"), [(0, "W_FLAT"), (2.5, "W_FLAT"), (math.nan, "W_NOT_FINITE")])
def test_a_map_without_a_shape_is_like_nothing_and_says_why(value, code):
    found = similarity(np.full((3, 3), value), noise(3, 3))
    assert all(map(math.isnan, (found.spearman, found.ssim, found.top_k)))
    assert [each.code for each in found.notices] == [code] and "first map" in found.notices[0].sentence
    both = similarity(np.full((3, 3), value), np.zeros((3, 3)))
    assert "second map" in both.notices[1].sentence


@pytest.mark.parametrize("share", [0, 1.1, -1, math.nan, "much"])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(OptionError, match="'share' must be a number"):
        similarity(noise(3, 3), noise(3, 3), share)


def test_what_is_no_map_is_refused():
    with pytest.raises(OptionError, match="must be a Heatmap or a"):
        similarity(noise(3), noise(3, 3))
    with pytest.raises(OptionError, match="two maps of one shape"):
        spearman(noise(3), noise(4))


# Layers --------------------------------------------------------------------------------------------------


def gram(answers: np.ndarray) -> np.ndarray:
    return answers @ answers.T


def unbiased_hsic(k: np.ndarray, l: np.ndarray) -> float:
    """Eq. 5 of Song et al., term by term."""
    n, one = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    sums = one @ k @ one * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + sums - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def test_cka_is_the_papers():
    x = RANDOM.normal(size=(12, 30)) + 5
    y = x @ RANDOM.normal(size=(30, 8)) + RANDOM.normal(size=(12, 8))
    cx, cy = x - x.mean(axis=0), y - y.mean(axis=0)
    norm = np.linalg.norm  # of Frobenius; section 2.1
    assert linear_cka(gram(x), gram(y)) == pytest.approx(
        norm(cy.T @ cx) ** 2 / norm(cx.T @ cx) / norm(cy.T @ cy)
    )
    k, l = gram(x), gram(y)
    wanted = unbiased_hsic(k, l) / math.sqrt(unbiased_hsic(k, k) * unbiased_hsic(l, l))
    assert linear_cka(k, l, debiased=True) == pytest.approx(wanted)
    assert linear_cka(gram(cx), gram(cy), debiased=True) == pytest.approx(wanted)  # centred or not


def test_cka_with_a_pencil():
    # One feature, three photos. x = 0, 1, 2 → −1, 0, 1; y = 0, 0, 3 → −1, −1, 2: CKA is r² = (3 / √(2·6))² = ¾.
    assert linear_cka(gram(np.array([[0.0], [1], [2]])), gram(np.array([[0.0], [0], [3]]))) == pytest.approx(
        0.75
    )


def test_cka_sees_neither_turns_nor_scale_nor_shift():
    x = RANDOM.normal(size=(10, 6))
    turn, _ = np.linalg.qr(RANDOM.normal(size=(6, 6)))
    for debiased in (False, True):
        assert linear_cka(gram(x), gram(7 * x @ turn + 100), debiased) == pytest.approx(1)


def test_cka_without_bias_may_be_negative_and_is_clipped_at_its_ends():
    k, l = (gram(np.random.default_rng(seed).normal(size=(6, 40))) for seed in (0, 3))
    wanted = unbiased_hsic(k, l) / math.sqrt(unbiased_hsic(k, k) * unbiased_hsic(l, l))
    assert wanted < -0.05 and linear_cka(k, l, debiased=True) == pytest.approx(wanted)


def test_a_matrix_that_is_not_quite_symmetrical_is_made_so():
    k, l = (gram(RANDOM.normal(size=(6, 4))) for _ in range(2))
    skew = np.triu(RANDOM.normal(size=(6, 6)))
    assert linear_cka(k + skew - skew.T, l) == pytest.approx(linear_cka(k, l))


def test_few_photos_make_strangers_alike_unless_debiased():
    figures = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        k, l = (gram(random.normal(size=(12, 2000))) for _ in range(2))
        figures.append(
            (linear_cka(k, l), linear_cka(k, l, debiased=True), chance(k[None], l[None], True)[0, 0])
        )
    usual, debiased, by_chance = np.mean(figures, axis=0)
    assert usual > 0.98 and abs(debiased) < 0.1 and by_chance > 0.1


def test_a_layer_that_answers_the_same_has_no_figure():
    x = gram(RANDOM.normal(size=(5, 3)))
    bad = x.copy()
    bad[0, 0] = math.nan
    stack = np.stack([x, np.full((5, 5), 9.0), bad])
    for debiased in (False, True):
        found = cka_matrix(stack, stack, debiased)
        assert np.isfinite(found).tolist() == [[True, False, False], [False] * 3, [False] * 3]
        assert found[0, 0] == pytest.approx(1) and np.isnan(chance(stack, stack, debiased)[1, 0])


def test_matrices_that_cannot_be_compared_are_refused():
    with pytest.raises(OptionError, match="of the same photos"):
        linear_cka(np.eye(4), np.eye(5))
    with pytest.raises(OptionError, match=r"\(n, n\)"):
        linear_cka(np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(OptionError, match="at least 4 photos"):
        linear_cka(np.eye(3), np.eye(3), debiased=True)


def grams_of(*layers: tuple[str, np.ndarray], images=("a", "b", "c", "d", "e")) -> Grams:
    return Grams(
        tuple(n for n, _ in layers), np.stack([gram(x) for _, x in layers]).astype(np.float32), images
    )


def test_two_models_layer_by_layer():
    x, y, z = (RANDOM.normal(size=(5, 4)) for _ in range(3))
    a = grams_of(("first", x), ("second", y), ("third", z))
    b = grams_of(("first", 2 * x), ("second", y + 0.1 * z), ("other", x))
    found = compare_grams(a, b)
    assert found.pairs == ((0, 0), (1, 1)) and found.debiased and found.cka.shape == (3, 3)
    (name, figure, _), (_, close, _) = curve(found)
    assert (name, figure) == ("first", pytest.approx(1, abs=1e-5)) and 0.8 < close < 1
    assert [(one, other) for one, other, *_ in best_matches(found)][:2] == [
        ("first", "first"),
        ("second", "second"),
    ]
    with pytest.raises(OptionError, match="same photos"):
        compare_grams(a, grams_of(("first", x), images=("b", "a", "c", "d", "e")))
    assert not compare_grams(*[grams_of(("l", x[:3]), images=("a", "b", "c"))] * 2).debiased
    assert compare_grams(*[grams_of(("l", x[:4]), images=("a", "b", "c", "d"))] * 2).debiased


def test_matches_stand_with_their_own_figures():
    x, y = (RANDOM.normal(size=(7, 4)) for _ in range(2))
    keys = tuple("abcdefg")
    a = grams_of(("one", x), ("same", np.ones((7, 4))), ("two", y), images=keys)
    b = grams_of(("zero", y + 0.3 * x), ("uno", 3 * x), images=keys)
    found = compare_grams(replace(a, model="A"), replace(b, model="B"))
    assert found.models == ("A", "B") and found.pairs == ()
    (one, uno, figure, by_chance), (two, zero, *_) = best_matches(found)  # 'same' has no figure
    assert (one, uno, two, zero) == ("one", "uno", "two", "zero") and figure == pytest.approx(1, abs=1e-5)
    assert by_chance == found.chance[0, 1] != found.chance[1, 0]
    paired = compare_grams(a, b, [(0, 1), (2, 0)])
    first, second = curve(paired)
    assert first == ("one", found.cka[0, 1], found.chance[0, 1]) and second[1] == found.cka[2, 0]


def test_where_figures_fall():
    figures = [1.0, math.nan, 0.97, 0.85, 0.86, 0.2]
    assert first_below(figures) == 3 and steepest(figures) == 5
    assert first_below([0.9]) is None  # it says: below
    assert first_below([1, 1]) is None and steepest([0.5, 0.7]) is None and steepest([]) is None


# What stands for what ------------------------------------------------------------------------------------


def model(labels=(), classes=0, layers=()) -> Model:
    outputs = (Output("out", "softmax", classes or len(labels)),)
    return Model("key", "name", (8, 8, 3), tuple(layers), outputs, "0..1", tuple(labels))


def test_classes_meet_by_name():
    a, b = (
        model(("Tabby_cat", "dog", "crane", "crane", "polar-bear")),
        model(("crane", "tabby cat", "crane", "frog", "wolf", "Polar Bear")),
    )
    assert match_classes(a, b) == {0: 1, 2: 0, 3: 2, 4: 5}
    assert match_classes(a, a) == {k: k for k in range(5)}
    assert match_classes(a, model(("x", "y"))) == {}


def test_classes_without_names_meet_by_number_where_there_are_as_many():
    assert match_classes(model(("a", "b")), model(classes=2)) == {0: 0, 1: 1}
    assert match_classes(model(("a", "b")), model(classes=3)) == {}


def test_classes_of_one_of_several_outputs():
    kind, side = Output("kind", "softmax", 3), Output("side", "sigmoid", 2)
    a = replace(model(("x", "y")), outputs=(kind, side))  # the names are of the second
    b = replace(model(("y", "x", "z")), outputs=(side, kind))
    assert match_classes(a, b, 1, 1) == {0: 1, 1: 0} and match_classes(a, b, 0, 1) == {0: 0, 1: 1, 2: 2}
    assert match_classes(a, b) == {} and match_classes(a, b, 1, 0) == {0: 0, 1: 1}
    assert named(a, 1) and not named(a) and not named(b, 0)


def test_layers_that_changed_places_do_not_meet():
    x, y, z = (Layer(name, "Conv2D", (8, 8, 4), 9) for name in "xyz")
    a, b = model(layers=(x, y, z), classes=3), model(layers=(y, x, z, x), classes=3)
    pairs = match_layers(a, b, ("x", "y", "z"), ("y", "x", "z"))
    assert pairs == ((0, 1), (2, 2))


def test_more_weights_are_another_architecture():
    plain, biased = (model(layers=(Layer("c", "Conv2D", (8, 8, 4), n),), classes=3) for n in (108, 112))
    assert same_architecture(plain, plain) and not same_architecture(plain, biased)


def test_layers_meet_by_place_or_by_name():
    conv, other, head = (
        Layer("conv", "Conv2D", (8, 8, 4), 9),
        Layer("conv2", "Conv2D", (8, 8, 4), 9),
        Layer("d", "Dense", (3,), 5),
    )
    a, again = model(layers=(conv, head), classes=3), model(layers=(other, head), classes=3)
    assert match_layers(a, again, ("conv", "d"), ("conv2", "d")) == ((0, 0), (1, 1))
    assert match_layers(a, again, ("d",), ("conv2", "d")) == ((0, 1),)
    wider = model(layers=(conv, Layer("d", "Dense", (9,), 15)), classes=9)
    assert match_layers(a, wider, ("conv", "d"), ("conv", "d")) == ((0, 0),)
    unlike = model(layers=(Layer("body", "Conv2D", (8, 8, 4)), Layer("top", "Dense", (9,))), classes=9)
    assert match_layers(a, unlike, ("conv", "d"), ("body", "top")) == ()
