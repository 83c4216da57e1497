"""Criteo Sponsored Search Conversion Log (Tallis and Yadav, 2018): the sales amount that a click on an ad led to.

The official file is `Criteo_Conversion_Search/CriteoSearchData` below the data root, plain or gzipped: 15,995,634 clicks
of 90 days in 23 tab-separated columns without a header, -1 where a value is missing, categories as hashes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import BadData, Dataset, Protocol, Source, Split, Table
from datasets.criteo_columns import DAY, LABEL, Clicks, read_clicks
from datasets.encode import chronological_split, random_split
from datasets.ltv import assemble_ltv, beside
from datasets.places import folder, listed, not_there, plain_or_gz
from datasets.schema import Array, Task

FOLDER = "Criteo_Conversion_Search"
SOURCE = Source(
    title="Criteo Sponsored Search Conversion Log",
    homepage="https://ailab.criteo.com/criteo-sponsored-search-conversion-log-dataset/ "
    "(unpack http://go.criteo.net/criteo-research-search-conversion.tar.gz)",
    licence="CC BY-NC-SA 4.0",
    citation="Tallis and Yadav, arXiv:1806.08211",
    official_rows=15_995_634,
)
