"""Immutable values without the import cost of `dataclasses` and `typing`.

`dataclasses` pulls in `inspect` and costs about 13 ms of a cold start; `Value` costs nothing and is read by type
checkers as a frozen dataclass (PEP 681). `NamedTuple` is that of `typing` to them, and here what that comes down to.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    class NamedTupleType(type):
        """Makes a named tuple of a class that lists its fields as annotations; it has nothing else."""

        def __new__(cls, name, bases, namespace):
            """Leave the base itself, and replace a class that names it."""
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            made = namedtuple(name, namespace["__annotations__"], module=namespace["__module__"])
            made.__doc__ = namespace["__doc__"]
            return made

    class NamedTuple(metaclass=NamedTupleType):
        """Base of values made and read in every call: cheaper than a `Value`, and read as the tuple they are."""

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
    defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.fields = tuple(cls.__annotations__)
        cls.defaults = {name: getattr(cls, name) for name in cls.fields if hasattr(cls, name)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own, fields = self.__dict__, self.fields
        own.update(self.defaults)
        own.update(zip(fields, args, strict=False))
        if kwargs or len(own) != len(fields) or len(args) > len(fields):
            self._add(args, kwargs)

    def _add(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Add the fields given by name, and refuse if they are then not just those of the class."""
        own, name = self.__dict__, type(self).__name__
        if len(args) > len(self.fields) or not kwargs.keys().isdisjoint(self.fields[: len(args)]):
            raise TypeError(f"{name} got too many or repeated arguments")
        own.update(kwargs)
        for missing in self.fields:
            if missing not in own:
                raise TypeError(f"{name} needs {missing}")
        if len(own) > len(self.fields):
            raise TypeError(f"{name} has no field {min(own.keys() - set(self.fields))}")

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
