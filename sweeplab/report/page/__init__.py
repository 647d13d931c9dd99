"""The page of a sweep, `report.html`: one file that opens from disk, asks nothing of a network and prints on paper."""

from sweeplab.report.page.build import build_page
from sweeplab.report.page.page import Chart, Page, Section, write_page

__all__ = ["Chart", "Page", "Section", "build_page", "write_page"]
