"""Who made a camera, and what the makers' own values are called."""

import pytest

from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.makers import Maker, maker_of, words_of
from camfs.protocols.ptp.properties import STANDARD_PROPERTIES


@pytest.mark.parametrize(
    ("manufacturer", "extension", "description", "maker"),
    [
        ("Nikon Corporation", 6, "microsoft.com: 1.0", Maker.NIKON),
        ("NIKON", 0xFFFFFFFF, "", Maker.NIKON),
        ("", 0x0A, "", Maker.NIKON),
        ("FUJIFILM", 6, "fujifilm.co.jp: 1.0;", Maker.FUJIFILM),
        ("FUJI PHOTO FILM CO., LTD.", 0, "", Maker.FUJIFILM),
        ("", 6, "fujifilm.co.jp: 1.0;", Maker.FUJIFILM),
        ("", 0x0E, "", Maker.FUJIFILM),
        ("FujitsuToshibaMobileCommun", 6, "microsoft.com: 1.0;", Maker.OTHER),
        ("Sony Corporation", 0x11, "Sony PTP Extensions", Maker.SONY),
        ("Leica Camera AG", 0, "", Maker.LEICA),
        ("Ricoh Company, Ltd.", 6, "", Maker.RICOH),
        ("OMSYSTEM", 0, "", Maker.OLYMPUS),
        ("Canon Inc.", 0x0B, "", Maker.CANON),
        ("", 6, "", Maker.OTHER),
        ("", 0, "", Maker.OTHER),
    ],
)
def test_makers(manufacturer: str, extension: int, description: str, maker: Maker) -> None:
    info = DeviceInfo(vendor_extension_id=extension, vendor_extension_desc=description, manufacturer=manufacturer)
    assert maker_of(info) is maker


@pytest.mark.parametrize("maker", Maker)
@pytest.mark.parametrize("offered", [(), (0, 1, 2, 3, 4), (0, 1, 2, 4, 5, 6, 7), tuple(range(14)), (1, 0x8010, 0x8017)])
def test_a_word_means_one_value(maker: Maker, offered: tuple[int, ...]) -> None:
    for row in STANDARD_PROPERTIES:
        words = words_of(maker, row.code, offered)
        unsigned = {value: word for value, word in words.items() if value >= 0}
        if (maker, row.name) != (Maker.FUJIFILM, "exposure-mode"):  # 5 or 6, never both
            assert len(set(unsigned.values())) == len(unsigned), row.name
        assert all(word == word.strip() and " " not in word for word in words.values())
        named = {word: value for value, word in row.words.items() if value not in words}
        assert not {word for word in unsigned.values() if word in named} - {
            "auto",
            "bulb",
            "time",
            "program",
            "portrait",
        }


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ((0, 1, 2), {2: "fine"}),
        ((0, 1, 2, 3, 4), {3: "raw", 4: "raw+basic"}),
        ((0, 1, 2, 4, 7), {4: "raw", 7: "raw+fine"}),
        (tuple(range(8)), {3: "tiff", 5: "raw+basic"}),
        (tuple(range(14)), {2: "normal", 3: "normal-star", 13: "raw+fine-star"}),
    ],
)
def test_nikons_four_tables_of_image_qualities(offered: tuple[int, ...], words: dict[int, str]) -> None:
    assert words.items() <= words_of(Maker.NIKON, 0x5004, offered).items()


def test_scenes_only_on_nikons_that_have_them() -> None:
    assert words_of(Maker.NIKON, 0x500E, (1, 0x8010, 0x8011, 0x8017))[0x8011] == "portrait"
    assert 0x8011 not in words_of(Maker.NIKON, 0x500E, (0x8010, 0x8011, 0x8012))


def test_sony_brackets() -> None:
    words = words_of(Maker.SONY, 0x5013, ())
    assert (words[0x8337], words[0x8311], words[0x8530]) == (
        "bracket-3x0.3-continuous",
        "bracket-3x1-continuous",
        "bracket-5x3-single",
    )
