"""The verbs of a method's author."""

from typing import Annotated

from cyclopts import Parameter


def check(
    name: Annotated[str, Parameter(help="Of the method, or of its file in methods/.")],
) -> int:
    """What a method must hold, in plain words within seconds: shapes, draws, its space, and whether it learns on a
    small world whose truth is known."""
    import torch

    from benchmark.check.named import by_name, lines
    from benchmark.plan.catalog import catalog

    torch.set_num_threads(1)  # small matrices
    found = by_name(name, catalog()[0])
    for line in lines(name, found):
        print(line)
    return 0 if found.sound else 1
