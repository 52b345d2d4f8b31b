from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest

from neuralpaint.config.settings import ComposedSettings, Settings, group, options, setting
from neuralpaint.errors import UnknownNameError, UsageError


@dataclass(frozen=True)
class Brush(Settings):
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("width", "area"),)

    width: float | None = setting(None, "how wide", unit="mm", above=0.0)
    area: float | None = setting(None, "how large")
    hairs: int = setting(12, "how many", minimum=1, maximum=99)
    shape: Literal["round", "flat"] = setting("round", "which shape")
    wet: bool = setting(False, "dipped in water")


def test_text_becomes_the_type_of_the_field() -> None:
    brush = Brush(width="2.5", hairs="7", shape="flat", wet="yes")  # type: ignore[arg-type]
    assert brush == Brush(width=2.5, hairs=7, shape="flat", wet=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hairs": "many"}, "hairs must be a whole number, not 'many'"),
        ({"hairs": 2.5}, "hairs must be a whole number, not 2.5"),
        ({"hairs": True}, "hairs must be a whole number, not True"),
        ({"hairs": 0}, "hairs must be at least 1, not 0"),
        ({"hairs": 100}, "hairs must be at most 99, not 100"),
        ({"hairs": 10**400}, "hairs must be at most 99, not so much"),
        ({"hairs": None}, "hairs needs a value"),
        ({"width": 0}, "width must be above 0 mm, not 0"),
        ({"width": "nan"}, "width must be a finite number, not nan"),
        ({"width": "inf"}, "width must be a finite number, not inf"),
        ({"wet": "damp"}, "wet must be true or false, not 'damp'"),
        ({"width": 1, "area": 1}, "--width and --area exclude each other: give one of them"),
    ],
)
def test_an_invalid_value_is_refused_with_its_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Brush.from_dict(values)
    assert str(caught.value) == message


def test_a_wrong_choice_and_a_wrong_key_name_the_closest() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'round'\? choose from flat, round"):
        Brush.from_dict({"shape": "rond"})
    with pytest.raises(UnknownNameError, match=r"did you mean 'hairs'\?"):
        Brush.from_dict({"hair": 3})


def test_settings_are_converted_to_plain_values_and_back() -> None:
    brush = Brush(width=3, shape="flat")
    assert Brush.from_dict(brush.to_dict()) == brush
    assert brush.changes() == {"width": 3.0, "shape": "flat"}


@pytest.mark.parametrize("word", ["unset", "auto", "none"])
def test_an_optional_field_can_be_unset_by_a_word(word: str) -> None:
    assert Brush(width=word).width is None  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        Brush(hairs=word)  # type: ignore[arg-type]


def test_options_have_the_attributes_that_the_command_line_needs() -> None:
    option = options(Brush)["shape"]
    assert (option.choices, option.default, option.help) == (
        ("round", "flat"),
        "round",
        "which shape",
    )
    assert options(Brush)["width"].unit == "mm"


@dataclass(frozen=True)
class Drying(Settings):
    time: float = setting(1.0, "how long", unit="seconds", above=0.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("1.5", 1.5), ("90s", 90), ("2m", 120), ("1m30s", 90), (" 1H2M ", 3720)],
)
def test_a_time_is_parsed_in_every_notation(text: str, seconds: float) -> None:
    assert Drying(time=text).time == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["soon", "", "2 minutes", "30s1m", "m"])
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="time must be a time such as 20, 90s or 1m30s"):
        Drying(time=text)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Handle(Settings):
    section: ClassVar[str] = "Handle"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("length", "area"),)

    length: int = setting(20, "how long", unit="cm")
    wood: str = setting("ash", "which wood")


@dataclass(frozen=True, init=False)
class _Tool(ComposedSettings):
    overrides: ClassVar[dict[str, dict[str, object]]] = {"hairs": {"default": 30}}

    brush: Brush = group(Brush)
    handle: _Handle = group(_Handle)
    price: float = setting(1.0, "what it costs")


def test_composed_settings_have_the_options_of_all_groups() -> None:
    assert list(options(_Tool)) == [*options(Brush), *options(_Handle), "price"]
    assert options(_Tool)["wood"].section == "Handle"
    tool = _Tool(width=2, wood="oak", price=3)
    assert (tool.brush.width, tool.handle.wood, tool.price) == (2.0, "oak", 3.0)
    assert _Tool.from_dict(tool.to_dict()) == tool
    assert tool.changes() == {"width": 2.0, "wood": "oak", "price": 3.0}
    assert list(tool.to_dict()) == list(options(_Tool))


def test_composed_settings_are_flat_from_outside() -> None:
    tool = _Tool(brush=Brush(wet=True), wood="oak")
    assert getattr(tool, "wet") is True  # noqa: B009 - mypy knows the groups only
    assert tool.replaced(wet=False).brush.wet is False
    with pytest.raises(AttributeError):
        getattr(tool, "weight")  # noqa: B009
    with pytest.raises(UnknownNameError, match="no setting named 'wod'"):
        _Tool(wod="oak")


def test_a_group_may_have_other_defaults_where_it_is_used() -> None:
    assert Brush().hairs == 12
    assert _Tool().brush.hairs == 30
    assert _Tool().changes() == {}
    assert _Tool(hairs=12).changes() == {"hairs": 12}


def test_options_of_different_groups_can_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--length and --area exclude each other"):
        _Tool(length=3, area=1)
