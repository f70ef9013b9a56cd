"""The page about the rows of a run as HTML, by itself; the report has it too."""

from pathlib import Path

import jinja2

from pipeline.data.page import DataPage

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True
)


def data_html(name: str, data: DataPage) -> str:
    """The page, which needs no other file."""
    return TEMPLATES.get_template("data_page.html.j2").render(name=name, data=data)
