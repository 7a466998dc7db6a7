"""The parts of a model file (``.firth``): a tagger with a parser, and the segmenter of a whole pipeline.

What a file must hold is checked against tables (`firth.files.records`) before anything is constructed. Errors
in the file are told in one line; an error of the program shows its own traceback.

=======================  =====================================================================================
arrays named             belong to
=======================  =====================================================================================
``features/…``           `firth.parsing.tagger.features.WordFeatures`
``tagger.…``             the parameters of the tagger; see `firth.network.packing`
``parser.…``             the parameters of the parser
``segmenter/…``          `firth.parsing.segmenter.segmenter.Segmenter`; only in the file of a pipeline
=======================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays
from firth.errors import InputError
from firth.files.records import ArrayRecord, FileKind, check_arrays, check_fields, part_of, reading
from firth.network.packing import pack, unpack
from firth.parsing.parser.network import ParserNetwork, ParserShape
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.tagger.features import CHANNELS, WordFeatures
from firth.parsing.tagger.lemmas import RULE, Lemmas
from firth.parsing.tagger.tag_sets import ATTRIBUTES, TagSets
from firth.parsing.tagger.tagger import Tagger, TaggerShape
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.systems import SYSTEMS

KIND = FileKind("firth parser", "parser", "train one with firth parser train", "format", 2)
"""The version of the format grows when an older firth cannot read newer files."""

_TAGGER_SHAPE = {"width": int, "depth": int, "hidden": int}
_PARSER_SHAPE = {
    **_TAGGER_SHAPE,
    "activation": str,
    "system": int,
    "unit_slots": [str],
    "label_slots": [str],
}
_FIELDS = {
    "tags": {attribute: [str] for attribute in ATTRIBUTES},
    "lemma rules": [str],
    "relations": [str],
    "roots": [str],
    "shape": _PARSER_SHAPE,
    "tagger shape": _TAGGER_SHAPE,
    "training": {"history": [dict]},
}
_FEATURES = (
    *(ArrayRecord(f"{name}.text", np.uint8, (None,)) for name in (*CHANNELS, "words")),
    *(ArrayRecord(f"{name}.lengths", np.unsignedinteger, (None,)) for name in CHANNELS),
    ArrayRecord("vectors", np.int8, (None, None)),
)


def pack_parser(
    tagger: Tagger, network: ParserNetwork, training: Mapping[str, Any]
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the metadata of the file of a parser.

    Parameters
    ----------
    tagger, network
        The parts of the parser.
    training
        How they were trained.
    """
    arrays = {f"features/{name}": array for name, array in network.features.arrays().items()}
    arrays |= pack(tagger.parameters, tagger.specs()) | pack(network.parameters, network.specs())
    # The same training makes the same file, however long it took.
    history = [
        {name: figure for name, figure in epoch.items() if name != "seconds"}
        for epoch in training.get("history", [])
    ]
    metadata = {
        **KIND.fields(),
        "tags": tagger.tags.values,
        "lemma rules": tagger.lemmas.rules,
        "relations": network.actions.relations,
        "roots": network.actions.roots,
        "shape": _shape_fields(network.shape),
        "tagger shape": asdict(tagger.shape),
        "training": {**training, "history": history},
    }
    return arrays, metadata


def unpack_parser(
    arrays: Arrays, metadata: Mapping[str, Any], file: str
) -> tuple[Tagger, ParserNetwork, dict[str, Any]]:
    """Restore the arguments of `pack_parser`.

    Parameters
    ----------
    arrays, metadata
        Everything that the file holds.
    file
        Its name, for errors.

    Raises
    ------
    InputError
        It is not the file of a parser, is of another version, or damaged.
    """
    KIND.check(metadata, file)
    with reading(file):
        check_fields(metadata, _FIELDS)
        _check_choices(metadata)
        parser_shape, tagger_shape = _parser_shape(metadata["shape"]), _tagger_shape(metadata["tagger shape"])
        features = _features(part_of(arrays, "features/"))
    tags, lemmas = TagSets(metadata["tags"]), Lemmas(metadata["lemma rules"])
    tagger = Tagger(features, tags, lemmas, {}, tagger_shape)
    actions = Actions(metadata["relations"], metadata["roots"], SYSTEMS[parser_shape.system].has_swap)
    network = ParserNetwork(features, tags, actions, parser_shape, {})
    with reading(file):
        tagger.parameters |= unpack(arrays, tagger.specs())
        network.parameters |= unpack(arrays, network.specs())
    return tagger, network, metadata["training"]


def _check_choices(metadata: Mapping[str, Any]) -> None:
    """Check that there is something to choose from everywhere, and that all rules for lemmas are rules."""
    choices = {**metadata["tags"], "relations": metadata["relations"], "roots": metadata["roots"]}
    for name, values in choices.items():
        if not values:
            raise InputError(f"its list of {name} is empty")
    for rule in metadata["lemma rules"]:
        if not RULE.fullmatch(rule):
            raise InputError(f"{rule!r} is no rule for lemmas")


def _shape_fields(shape: ParserShape) -> dict[str, Any]:
    """Return the sizes of the parser as a file holds them, with the number of its transition system."""
    return {**asdict(shape), "system": SYSTEMS[shape.system].code}


def _parser_shape(fields: Mapping[str, Any]) -> ParserShape:
    """Return the sizes of the parser: undo `_shape_fields`."""
    slots = {name: tuple(fields[name]) for name in ("unit_slots", "label_slots")}
    names = [name for name, system in SYSTEMS.items() if system.code == fields["system"]]
    if not names:
        raise InputError(f"there is no transition system number {fields['system']}")
    return ParserShape(**{name: fields[name] for name in _PARSER_SHAPE} | slots | {"system": names[0]})


def _tagger_shape(fields: Mapping[str, Any]) -> TaggerShape:
    return TaggerShape(**{name: fields[name] for name in _TAGGER_SHAPE})


def _features(arrays: Arrays) -> WordFeatures:
    """Return the features of words, from arrays that are checked first."""
    check_arrays(arrays, _FEATURES)
    n_words = len(arrays["vectors"])
    check_arrays(
        arrays,
        [
            ArrayRecord("vector scales", np.float32, (n_words,)),
            ArrayRecord("words.lengths", np.unsignedinteger, (n_words,)),
        ],
    )
    return WordFeatures.from_arrays(arrays)


def pack_segmenter(segmenter: Segmenter) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the metadata of the segmenter in the file of a pipeline."""
    arrays = {f"segmenter/{name}": array for name, array in segmenter.arrays().items()}
    return arrays, {"segmenter": segmenter.metadata()}


def unpack_segmenter(arrays: Arrays, metadata: Mapping[str, Any], file: str) -> Segmenter:
    """Restore the argument of `pack_segmenter`; see `unpack_parser`.

    Raises
    ------
    InputError
        The file has no segmenter, or is damaged.
    """
    if "segmenter" not in metadata:
        raise InputError(f"{file}: has no segmenter; train a whole pipeline with firth parser train")
    with reading(file):
        check_fields(metadata, {"segmenter": dict})
    return Segmenter.from_arrays(part_of(arrays, "segmenter/"), metadata["segmenter"], file)
