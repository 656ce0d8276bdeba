"""Immutable values without the import cost of `dataclasses`.

`dataclasses` pulls in `inspect` and costs about 13 ms of a cold start; this base class costs nothing and is read by
type checkers as a frozen dataclass (PEP 681).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """Leave the class as it is: only type checkers act on this decorator."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True, eq_default=True)
class Value:
    """Base of values that are equal by their fields and never change.

    A subclass lists its fields as annotations; a class attribute is the field's default. Fields are not inherited.

    Raises
    ------
    TypeError
        If a field is missing, given twice or unknown.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    field_names: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.fields = tuple(cls.__annotations__)
        cls.field_names = frozenset(cls.fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own = self.__dict__
        own.update(zip(self.fields, args, strict=False))
        if not kwargs and len(args) == len(self.fields):
            return  # the common case of a value made in the path of a call
        if len(args) > len(self.fields) or not own.keys().isdisjoint(kwargs):
            raise TypeError(f"{type(self).__name__} got too many or repeated arguments")
        own.update(kwargs)
        if own.keys() != self.field_names:
            self._fill_defaults(own)

    def _fill_defaults(self, own: dict[str, Any]) -> None:
        for name in self.fields:
            if name not in own:
                if not hasattr(type(self), name):
                    raise TypeError(f"{type(self).__name__} needs {name}")
                own[name] = getattr(type(self), name)
        if own.keys() != self.field_names:
            raise TypeError(f"{type(self).__name__} has no field {min(own.keys() - self.field_names)}")

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return type(self)(**{name: self.__dict__[name] for name in self.fields} | changes)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        theirs = other.__dict__  # caches (functools.cached_property) live there too and do not count
        return all(theirs[name] == self.__dict__[name] for name in self.fields)

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__[name] for name in self.fields)))

    def __repr__(self) -> str:
        body = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.fields)
        return f"{type(self).__name__}({body})"
