"""The part of the build that pyproject.toml cannot say: the manual page and the completions are made as the package is."""

import sys  # noqa: I001  (distutils comes with setuptools where Python has none, so after it)
from pathlib import Path

from setuptools import setup
from distutils.command.install_data import install_data as InstallData


class InstallPages(InstallData):
    """Writes them below the prefix, as if they were data files."""

    def run(self) -> None:
        """See the class."""
        sys.path.insert(0, str(Path(__file__).parent))
        from camfs.commands import manual

        self.outfiles += map(str, manual.write(Path(self.install_dir)))


# Any data file makes the build install data; these are made only then.
setup(cmdclass={"install_data": InstallPages}, data_files=[("share/man/man1", [])])
