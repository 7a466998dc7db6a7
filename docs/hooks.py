"""A hook of mkdocs: links to source files, ``../src/…``, work on the site as they do on GitHub."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Publish the source files beside the pages, as text that a browser shows."""
    root = Path(config.docs_dir).parent
    for path in sorted(root.glob("src/**/*.py")):
        name = path.relative_to(root).as_posix()
        file = File.generated(
            config, f"../{name}", abs_src_path=str(path), inclusion=InclusionLevel.NOT_IN_NAV
        )
        file.dest_uri = f"{name}.txt"
        files.append(file)
    return files
