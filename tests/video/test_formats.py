from __future__ import annotations

import pytest

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.video.ffmpeg import list_encoders
from neuralpaint.video.formats import format_for, formats


@pytest.mark.parametrize("name", list(formats))
def test_every_suffix_leads_to_its_format_in_any_case(name: str) -> None:
    for suffix in formats[name].suffixes:
        assert type(format_for(f"a.b{suffix}")) is formats[name]
        assert type(format_for(f"a{suffix.upper()}")) is formats[name]


def test_a_folder_of_pngs_is_named_by_its_slash_or_by_format() -> None:
    assert formats.name_of(format_for("frames/")) == "png"
    assert formats.name_of(format_for("frames", "png")) == "png"


@pytest.mark.parametrize("path", ["out", "out.avi", "out.png", ".mp4", "out.mp4.txt"])
def test_other_suffixes_are_refused_with_the_list_of_known_ones(path: str) -> None:
    with pytest.raises(UsageError, match=r"suffix.*\.apng, \.gif, .*\.mp4.*end in /"):
        format_for(path)


def test_a_format_brings_its_settings_along() -> None:
    assert format_for("out.mp4", "mp4:crf=30").to_dict()["crf"] == 30
    assert formats.name_of(format_for("out.bin", "webm")) == "webm"


def test_a_suffix_of_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="called mp4, but the format is gif"):
        format_for("out.mp4", "gif")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("mp5", "mp4"),
        ("mp4:crf=0", "at least 1"),
        ("mp4:preset=fats", "fast"),
        ("gif:colors=300", "at most 256"),
        ("webm:codec=vp9,speed=9", "at most 8"),
    ],
)
def test_wrong_settings_say_what_would_be_right(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        format_for("out", spec)


def test_an_unknown_name_is_an_unknown_name_error() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'web[mp]'"):
        format_for("out", "webn")


@pytest.mark.parametrize("name", list(formats))
def test_a_format_survives_its_own_spec(name: str) -> None:
    entry = formats[name]()
    assert formats.parse(formats.spec(entry)) == entry
    assert entry.__doc__


@pytest.mark.parametrize("name", [name for name in formats if formats[name].muxer])
def test_the_encoder_is_in_this_ffmpeg(name: str) -> None:
    assert formats[name]().encoder(height=1080, width=1920) in list_encoders()


def test_only_formats_that_need_it_are_padded() -> None:
    assert formats["mp4"]().padded(height=427, width=641) == (428, 642)
    assert formats["mkv"]().padded(height=427, width=641) == (427, 641)
