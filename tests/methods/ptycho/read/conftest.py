"""Small scan files, made from one known scan."""

from tests.scan_files import cxi_file, known, open_with_fixture  # noqa: F401
