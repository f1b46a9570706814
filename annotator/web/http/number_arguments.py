"""Numbers in addresses."""

from typing import Any

from werkzeug.routing import IntegerConverter, Map

from annotator.web.http.contracts import MAX_ID


class RowNumber(IntegerConverter):
    """`<int:…>` in our routes: a number that the database can hold. A larger one is answered with 404."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **{"max": MAX_ID, **options})
