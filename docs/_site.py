"""What the site shows beyond the pages of this folder: the rendered board, from the repository's root."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add board.html beside the front page, which shows it."""
    files.append(File.generated(config, "board.html", abs_src_path=str(ROOT / "board.html")))
    return files
