"""Links of the docs site that leave docs/; mkdocs calls `on_files` and `on_page_markdown` (`hooks` in mkdocs.yml).

The pages link to files of the repository by relative paths, so that the links work on GitHub and in an editor. A site
holds docs/ alone: here such a link becomes one into the repository, and such a picture is copied into the site.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
BRANCH: Final = "main"
PICTURES: Final = "pictures"
"""Folder of the site with the pictures from outside docs/."""

_LEAVING: Final = re.compile(r"(?P<is_image>!?)\[(?P<text>[^\]]*)\]\(\.\./(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_LOG: Final = logging.getLogger("mkdocs.hooks.site_links")
"""Its warnings fail a strict build."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pictures that the pages show from outside docs/."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - the tests read this module where mkdocs is not installed

    paths = {path for page in files.documentation_pages() for path in pictures_of(page.content_string)}
    for path in sorted(paths):
        files.append(File.generated(config, place_of(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Rewrite the page's links that leave docs/, and warn of those that lead nowhere."""
    for path in missing_in(markdown):
        _LOG.warning("%s links to ../%s, which is not in the repository", page.file.src_uri, path)
    return rewritten(markdown, config.extra["repository"])


def pictures_of(markdown: str) -> Iterator[str]:
    """The pictures from outside docs/ that there are, by their paths in the repository."""
    found = (match["path"] for match in _LEAVING.finditer(markdown) if match["is_image"])
    return (path for path in found if (ROOT / path).is_file())


def missing_in(markdown: str) -> Iterator[str]:
    """Paths that are linked and not there."""
    return (match["path"] for match in _LEAVING.finditer(markdown) if not (ROOT / match["path"]).exists())


def rewritten(markdown: str, repository: str) -> str:
    """The page with each link that leaves docs/ turned into one into the repository, or to the copied picture."""

    def replacement(match: re.Match[str]) -> str:
        path = match["path"]
        if match["is_image"]:
            return f"![{match['text']}]({place_of(path)})"
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"[{match['text']}]({repository}/{kind}/{BRANCH}/{path}{match['anchor'] or ''})"

    return _LEAVING.sub(replacement, markdown)


def place_of(path: str) -> str:
    """Where a picture lies in the site."""
    return f"{PICTURES}/{Path(path).name}"
