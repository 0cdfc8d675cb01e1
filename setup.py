"""The part of the build that pyproject.toml cannot express: it makes the manual page and the completions."""

import sys  # noqa: I001  (setuptools brings distutils if Python has none, so it is imported first)
from pathlib import Path

from setuptools import setup
from distutils.command.install_data import install_data as InstallData


class InstallPages(InstallData):
    """Writes the pages below the prefix, as if they were data files."""

    def run(self) -> None:
        sys.path.insert(0, str(Path(__file__).parent))
        from camfs.commands import manual

        self.outfiles += map(str, manual.write(Path(self.install_dir)))


# A build installs data only if there are data files. This list has none, but is enough; the pages are made at that point.
setup(cmdclass={"install_data": InstallPages}, data_files=[("share/man/man1", [])])
