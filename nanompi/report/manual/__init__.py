"""The manual: one page that needs no network, of what the parts of the program declare and a guide."""

from nanompi.report.manual.page import fragment, page

__all__ = ["fragment", "page"]
