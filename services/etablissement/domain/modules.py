"""The modules of the application: what the catalogue offers, and what a school has chosen of it.

Only what differs from the defaults is kept, so that a new default reaches every school that has not
decided otherwise, and what has left the catalogue is passed over.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints, model_validator

from services.etablissement.domain.words import is_one_line

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class _Part(BaseModel, frozen=True, extra="forbid"):
    """A part of the catalogue. `label` is what staff read, in French."""

    label: Label


class _Option(_Part, frozen=True):
    """Something that can be set in a module; `default` holds until a school sets it."""

    default: Any

    @abstractmethod
    def refusal(self, value: object) -> str | None:
        """What is wrong with a value, in French; None: nothing."""

    @model_validator(mode="after")
    def _default_is_right(self) -> Self:
        if (reason := self.refusal(self.default)) is not None:
            raise ValueError(f"default refused: {reason}")
        return self


class Flag(_Option, frozen=True):
    """Yes or no."""

    type: Literal["bool"]
    default: StrictBool

    def refusal(self, value: object) -> str | None:
        """Anything but true or false."""
        return None if isinstance(value, bool) else "répondez par true ou false"


class Number(_Option, frozen=True):
    """A whole number between two bounds, both allowed."""

    type: Literal["integer"]
    default: StrictInt
    minimum: StrictInt
    maximum: StrictInt

    def refusal(self, value: object) -> str | None:
        """Anything but a whole number within the bounds."""
        if type(value) is int and self.minimum <= value <= self.maximum:
            return None
        return f"nombre entier attendu, de {self.minimum} à {self.maximum}"


class Choice(_Option, frozen=True):
    """One of several values, each with its label."""

    type: Literal["choice"]
    default: str
    choices: Annotated[dict[Key, Label], Field(min_length=2)]

    def refusal(self, value: object) -> str | None:
        """Anything but one of the values."""
        if isinstance(value, str) and value in self.choices:
            return None
        return f"choix inconnu ; choix possibles : {', '.join(self.choices)}"


class Text(_Option, frozen=True):
    """One line of text, perhaps empty."""

    type: Literal["text"]
    default: str
    max_length: Annotated[StrictInt, Field(ge=1, le=1000)]

    def refusal(self, value: object) -> str | None:
        """Anything but one line that is short enough."""
        if isinstance(value, str) and len(value) <= self.max_length and is_one_line(value):
            return None
        return f"texte d'une ligne attendu, de {self.max_length} signes au plus"


Option = Annotated[Flag | Number | Choice | Text, Field(discriminator="type")]


class Module(_Part, frozen=True):
    """A module of the application: whether it is `on` until a school decides, and its options."""

    description: Label
    on: StrictBool
    options: dict[Key, Option] = {}


class Catalogue(BaseModel, frozen=True, extra="forbid"):
    """All modules, in the order in which staff see them."""

    modules: Annotated[dict[Key, Module], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a school has chosen of one module; what is missing is as the catalogue says."""

    on: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class RefusedChoicesError(Exception):
    """Choices that the catalogue does not offer: `reasons` has each place with its reason."""

    def __init__(self, reasons: list[tuple[str, str]]) -> None:
        super().__init__("refused choices")
        self.reasons = reasons


def kept(catalogue: Catalogue, wanted: Mapping[str, Chosen]) -> dict[str, Any]:
    """What is to be kept of a school's choices: those that differ from the defaults, as JSON.

    Raises:
        RefusedChoicesError: with all that is wrong with them.
    """
    if reasons := list(_reasons(catalogue, wanted)):
        raise RefusedChoicesError(reasons)
    different = {key: _different(catalogue.modules[key], one) for key, one in wanted.items()}
    return {key: one for key, one in different.items() if one}


def _different(module: Module, chosen: Chosen) -> dict[str, Any]:
    options = {
        key: value for key, value in chosen.options.items() if value != module.options[key].default
    }
    on = {} if chosen.on in (None, module.on) else {"on": chosen.on}
    return on | ({"options": options} if options else {})


def _reasons(catalogue: Catalogue, wanted: Mapping[str, Chosen]) -> Iterator[tuple[str, str]]:
    """All that is wrong, by place. Names that the caller has made up are not repeated."""
    if wanted.keys() - catalogue.modules.keys():
        yield "modules", f"module inconnu ; modules possibles : {', '.join(catalogue.modules)}"
    for key, module in catalogue.modules.items():
        given = wanted.get(key, Chosen()).options
        place = f"modules.{key}.options"
        if given.keys() - module.options.keys():
            yield place, _unknown_option(module)
        for name, option in module.options.items():
            if name in given and (reason := option.refusal(given[name])) is not None:
                yield f"{place}.{name}", reason


def _unknown_option(module: Module) -> str:
    if not module.options:
        return "ce module n'a pas d'option : retirez-la"
    return f"option inconnue ; options possibles : {', '.join(module.options)}"


def in_force(catalogue: Catalogue, stored: Mapping[str, Any]) -> dict[str, Chosen]:
    """What holds for a school, of every module and option of the catalogue. What was kept and is
    not, or not in this form, in the catalogue any more is passed over.
    """
    return {
        key: _in_force(module, stored.get(key, {})) for key, module in catalogue.modules.items()
    }


def _in_force(module: Module, stored: Mapping[str, Any]) -> Chosen:
    options = stored.get("options", {})
    return Chosen(
        on=stored.get("on", module.on),
        options={
            key: options[key]
            if key in options and option.refusal(options[key]) is None
            else option.default
            for key, option in module.options.items()
        },
    )
