"""What scikit-learn asks of an estimator: its parameters, copies of it, and its kind.

Nothing here needs scikit-learn, except where scikit-learn itself calls.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from firth.errors import InputError

_Estimator = TypeVar("_Estimator", bound="Estimator")


class Estimator:
    """A classifier of texts whose constructor stores its arguments under their names."""

    # scikit-learn before 1.6 recognises classifiers by this attribute.
    _estimator_type = "classifier"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor, by name; `deep` changes nothing."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self: _Estimator, **parameters: Any) -> _Estimator:
        """Change parameters of the constructor; the next `fit` uses them."""
        for name, value in parameters.items():
            if name not in self._parameter_names():
                raise InputError(f"{type(self).__name__} has no parameter {name!r}")
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self: _Estimator) -> _Estimator:
        # scikit-learn would copy the word vectors for each fold.
        return type(self)(**self.get_params())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_label=True),
            input_tags=InputTags(two_d_array=False, string=True),
        )

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default and value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)
