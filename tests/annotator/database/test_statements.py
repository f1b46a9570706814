"""Parts of statements that mean the same in both engines."""

import pytest
from sqlalchemy import select

from annotator.database.statements import is_listed
from annotator.models import Image


@pytest.mark.parametrize("engine", ["filled", "filled_on_postgres"])
def test_a_list_of_any_length_is_one_parameter(engine: str, request: pytest.FixtureRequest):
    project = request.getfixturevalue(engine)
    by_name = select(Image.id).where(is_listed(Image.name, "names"))
    with project.database.read() as session:
        [first, second, *_] = session.execute(select(Image.id, Image.name).order_by(Image.id)).all()
        assert session.scalars(by_name, {"names": [second.name, "an'other\".jpg"]}).all() == [second.id]
        assert session.scalars(by_name, {"names": []}).all() == []
        many = is_listed(Image.id, "numbers", [first.id, second.id, *range(10**6, 10**6 + 300_000)])
        but = ~is_listed(Image.id, "numbers", [first.id])
        assert set(session.scalars(select(Image.id).where(many))) == {first.id, second.id}
        assert session.scalars(select(Image.id).where(many, but)).all() == [second.id]


@pytest.mark.database_file
def test_listed_rows_are_found_by_their_index(filled):
    with filled.database.read() as session:
        statement = select(Image.name).where(is_listed(Image.id, "numbers", [1]))
        sql = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
    assert any(row[3].startswith("SEARCH images USING INTEGER PRIMARY KEY") for row in plan)
