from __future__ import annotations

from dataclasses import dataclass

import pytest

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.training.settings import TrainingSettings

animals: Registry[Settings] = Registry("animal")


@animals.register("cat")
@dataclass(frozen=True)
class Cat(Settings):
    lives: int = setting(9, "how many", minimum=0)
    name: str = setting("", "how it is called")


@animals.register("dog")
@dataclass(frozen=True)
class Dog(Settings):
    good: bool = setting(True, "always")


def test_a_spec_is_parsed_into_a_checked_entry() -> None:
    assert animals.parse("cat") == Cat()
    assert animals.parse("cat:lives=7,name=Tom") == Cat(lives=7, name="Tom")
    assert animals.parse(" cat: lives = 7 ") == Cat(lives=7)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (
            "cta",
            UnknownNameError,
            "no animal named 'cta': did you mean 'cat'? choose from cat, dog",
        ),
        ("cat:live=3", UnknownNameError, "did you mean 'lives'?"),
        ("cat:lives", UsageError, "write lives=VALUE"),
        ("cat:lives=-1", UsageError, "animal cat: lives must be at least 0, not -1"),
        ("", UnknownNameError, "choose from cat, dog"),
    ],
)
def test_a_wrong_spec_is_reported(spec: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        animals.parse(spec)
    assert message in str(caught.value)


def test_a_list_is_split_at_names_not_at_settings() -> None:
    assert animals.parse_list("cat:lives=7,name=Tom,dog,dog:good=no") == [
        Cat(lives=7, name="Tom"),
        Dog(),
        Dog(good=False),
    ]
    assert animals.parse_list("") == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("'One, two = 3: done'", "One, two = 3: done"),
        ('"It\'s one, two"', "It's one, two"),
        ("'It''s, so'", "It's, so"),
        ("It's a:b=c", "It's a:b=c"),
        ("'", "'"),
        ("'a'b", "'a'b"),
        ("'a' and 'b'", "'a' and 'b'"),
        ("' a '", " a "),
        ("''", ""),
        ("'''a'''", "'a'"),
    ],
)
def test_a_value_can_be_quoted(written: str, name: str) -> None:
    assert animals.parse(f"cat:name={written},lives=7") == Cat(7, name)
    assert animals.parse(f"cat:lives=7,name= {written} ") == Cat(7, name)
    assert animals.parse_list(f"dog,cat:name={written},lives=7,dog") == [Dog(), Cat(7, name), Dog()]
    assert animals.parse(animals.spec(Cat(7, name))) == Cat(7, name)
    assert animals.parse_list(f"{animals.spec(Cat(7, name))},dog") == [Cat(7, name), Dog()]


@pytest.mark.parametrize("spec", ["cat:name=One, two", "dog, cat:lives=7,name=One, two, dog"])
def test_a_comma_without_quotes_is_explained(spec: str) -> None:
    with pytest.raises(UsageError, match=r"no animal named 'two': .* quote that text, as in"):
        animals.parse_list(spec)


def test_a_name_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="'cat' is registered twice"):
        animals.register("cat")(Cat)


@pytest.mark.parametrize("settings", [TrainingSettings, VideoSettings])
def test_settings_check_the_entries_that_they_name(settings: type[TrainingSettings]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fourier'"):
        settings(model="furier")
