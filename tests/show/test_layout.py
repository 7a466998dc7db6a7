"""Layout: PCA, and labels that never cover one another."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import InputError
from firth.show import layout


def test_pca_finds_the_plane() -> None:
    rng = np.random.default_rng(2)
    flat = rng.normal(size=(50, 2)) * [5.0, 2.0]
    basis, _ = np.linalg.qr(rng.normal(size=(9, 2)))
    plane, how = layout.project(flat @ basis.T, "pca")
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=-1)
    np.testing.assert_allclose(distances, np.linalg.norm(flat[:, None] - flat[None], axis=-1), atol=1e-9)
    assert "100 %" in how


def test_labels_cover_neither_dots_nor_each_other() -> None:
    rng = np.random.default_rng(3)
    positions = rng.uniform([20, 20], [580, 380], size=(150, 2))
    sizes = np.column_stack([rng.uniform(15, 60, 150), np.full(150, 9.0)])
    places = layout.place_labels(positions, sizes, (600.0, 400.0))
    assert places[0] >= 0
    boxes = []
    for position, size, place in zip(positions, sizes, places, strict=True):
        if place < 0:
            continue
        anchor = layout.ANCHORS[place]
        low = np.array(layout.label_corner(position, size, anchor))
        centre = low + size / 2 - position
        assert (np.sign(np.round(centre, 9)) == [anchor.x, anchor.y]).all()
        boxes.append((low, low + size))
        assert (low >= 0).all()
        assert (low + size <= [600, 400]).all()
    for i, (low, high) in enumerate(boxes):
        assert not ((positions > low).all(axis=1) & (positions < high).all(axis=1)).any()
        for other_low, other_high in boxes[:i]:
            assert (high <= other_low + 1e-9).any() or (other_high <= low + 1e-9).any()


def test_plain_labels_stand_to_the_right() -> None:
    places = layout.place_labels(np.array([[50.0, 50.0], [50.0, 200.0]]), np.array([[30.0, 9.0]] * 2))
    assert places.tolist() == [0, 0]
    assert layout.ANCHORS[0] == layout.Anchor(1, 0)


def test_a_label_that_has_no_place_is_hidden() -> None:
    dots = np.array([[float(x), float(y)] for x in range(0, 40, 5) for y in range(0, 40, 5)])
    places = layout.place_labels(dots, np.tile([12.0, 8.0], (len(dots), 1)))
    assert (places < 0).any()
    assert (places >= 0).any()


def test_unknown_method() -> None:
    with pytest.raises(InputError, match="choose pca or tsne"):
        layout.project(np.eye(5), "umap")


def test_wide_characters_and_marks_have_their_width() -> None:
    wide, narrow, plain, marked = layout.label_sizes(["水火", "il", "no", "n\u0303o"], np.full(4, 10.0))[:, 0]
    assert wide == 20
    assert narrow < plain == marked
