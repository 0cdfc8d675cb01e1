"""What hypothesis draws for PTP: texts that fit a string, values of every data type, datasets."""

from hypothesis import strategies as st

from camfs.protocols.ptp.codes import DataType, ObjectHandle, StorageID
from camfs.protocols.ptp.datasets import (
    DeviceInfo,
    DevicePropDesc,
    Enumeration,
    ObjectInfo,
    ObjectPropElement,
    Range,
    StorageInfo,
)
from camfs.protocols.ptp.values import INTEGER_TYPES, Value

ARRAY_TYPES = [int(data_type) | DataType.ARRAY for data_type in INTEGER_TYPES]
ALL_TYPES = [*map(int, INTEGER_TYPES), *ARRAY_TYPES, int(DataType.STRING)]

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
U64 = st.integers(0, (1 << 64) - 1)
CODES = st.lists(U16, max_size=40).map(tuple)


def texts() -> st.SearchStrategy[str]:
    """Draw texts that fit a PTP string: any characters but NUL and lone surrogates."""
    characters = st.characters(codec="utf-8", exclude_characters="\0")
    return st.text(characters, max_size=254).filter(lambda text: len(text.encode("utf-16-le")) <= 2 * 254)


def values(data_type: int) -> st.SearchStrategy[Value]:
    """Draw values of a type."""
    if data_type == DataType.STRING:
        return texts()
    if data_type & DataType.ARRAY:
        return st.lists(_integers(data_type - DataType.ARRAY), max_size=20).map(tuple)
    return _integers(data_type)


def _integers(data_type: int) -> st.SearchStrategy[int]:
    width, signed = INTEGER_TYPES[data_type]
    bits = 8 * width
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[int, Value]:
    """Draw a type and a value of it."""
    data_type = draw(st.sampled_from(ALL_TYPES))
    return data_type, draw(values(data_type))


@st.composite
def property_descriptions(draw: st.DrawFn) -> DevicePropDesc:
    """Draw descriptions of properties of every type, with every form that the type can have."""
    data_type = draw(st.sampled_from(ALL_TYPES))
    value = values(data_type)
    forms: list[st.SearchStrategy[Range | Enumeration | None]] = [
        st.none(),
        st.lists(value, max_size=8).map(lambda choices: Enumeration(tuple(choices))),
    ]
    if data_type in INTEGER_TYPES:
        integer = _integers(data_type)
        forms.append(st.builds(Range, integer, integer, integer))
    return DevicePropDesc(draw(U16), data_type, draw(st.booleans()), draw(value), draw(value), draw(st.one_of(forms)))


@st.composite
def property_elements(draw: st.DrawFn) -> ObjectPropElement:
    """Draw elements of object property lists."""
    data_type, value = draw(typed_values())
    return ObjectPropElement(ObjectHandle(draw(U32)), draw(U16), data_type, value)


def device_infos() -> st.SearchStrategy[DeviceInfo]:
    """Draw DeviceInfos."""
    return st.builds(
        DeviceInfo, U16, U32, U16, texts(), U16, CODES, CODES, CODES, CODES, CODES, texts(), texts(), texts(), texts()
    )


def storage_infos() -> st.SearchStrategy[StorageInfo]:
    """Draw StorageInfos."""
    return st.builds(StorageInfo, U16, U16, U16, U64, U64, U32, texts(), texts())


def object_infos() -> st.SearchStrategy[ObjectInfo]:
    """Draw ObjectInfos."""
    handles = U32.map(ObjectHandle)
    numbers = (U32.map(StorageID), U16, U16, U32, U16, U32, U32, U32, U32, U32, U32, handles, U16, U32, U32)
    return st.builds(ObjectInfo, *numbers, texts(), texts(), texts(), texts())
