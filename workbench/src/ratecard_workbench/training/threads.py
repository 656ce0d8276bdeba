"""How many threads training uses: one."""

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which OpenMP's teams have one thread.

    Teams wait for each other busily: on a shared machine they take many times longer than one thread.
    """
    return threadpool_limits(1, user_api="openmp")  # type: ignore[no-any-return]
