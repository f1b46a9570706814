"""Fixtures for all tests: projects made by the real migrations, drawn images, a real server process."""

import importlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image as Picture

from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.projects import init_project
from tests.support.commands import call
from tests.support.database.postgres import PostgresServer, running_server
from tests.support.features.made_once import compute_features_of_project, made_once
from tests.support.paths import SHARED_DATA
from tests.support.projects.images import LIMITS, import_images
from tests.support.serving import Server
from tests.support.soak import FULL


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "soak" in getattr(item, "fixturenames", ()):
            item.add_marker("soak")  # `make soak` runs every test that repeats its trials
        if ENGINE != "sqlite" and item.get_closest_marker("database_file"):
            item.add_marker(pytest.mark.skip(reason="the test is about SQLite's file"))
    if SHARED_DATA.is_dir():
        return
    absent = pytest.mark.skip(reason="the development data is not beside this checkout (../shared/data)")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(absent)


# The engine of the fixtures' projects: sqlite or postgres.
ENGINE = os.environ.get("FACELABEL_TEST_DATABASE", "sqlite")
# No deadline: the duration of a case depends on the machine. Only full runs draw new cases, so that a normal run fails
# because of a change and never because of a new random case.
settings.register_profile("suite", deadline=None, derandomize=not FULL)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> None:
    """A log-in takes a fifth of a second of a processor on purpose; the tests of hashing take the real one."""
    importlib.import_module("tests.support.projects.accounts")


@pytest.fixture(scope="session", autouse=True)
def _imports_do_not_look_at_photos() -> None:
    """A look for several people takes each import a second or two; the tests of it turn it on."""
    os.environ.setdefault("FACELABEL_FACES", "0")


@pytest.fixture(scope="session", autouse=True)
def _features_come_from_torch() -> None:
    """OpenVINO takes each process some seconds to compile a network; the tests of it turn it on."""
    os.environ.setdefault("FACELABEL_OPENVINO", "0")


@pytest.fixture(scope="session", autouse=True)
def _servers_need_no_token() -> None:
    """Tests call many addresses of servers without accounts; the tests of the start-up token turn it on."""
    os.environ.setdefault("FACELABEL_START_TOKEN", "0")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the development data."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether fault trials run in full numbers rather than a tenth of them."""
    return FULL


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 drawn faces with answers.csv."""
    folder = tmp_path_factory.mktemp("faces") / "drawn"
    draw_faces(folder, 40, size=96)
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started when the first test asks for it."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL of an empty PostgreSQL database with all tables; None where a test's projects are in SQLite."""
    if ENGINE == "sqlite":
        yield None
        return
    server = request.getfixturevalue("postgres_server")
    url = server.create_with_tables()
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = init_project(tmp_path_factory.mktemp("empty") / "project")
    made.database.checkpoint()
    made.database.close()
    return made.path


@pytest.fixture
def project(
    tmp_path: Path, database_url: str | None, request: pytest.FixtureRequest
) -> Iterator[ProjectFolder]:
    """An empty project with the default schema; a copy, because the migrations take a quarter of a second."""
    folder = tmp_path / "project"
    if database_url is None:
        shutil.copytree(request.getfixturevalue("_empty"), folder)
        made = ProjectFolder.open(folder)
    else:
        made = init_project(folder, database=database_url)
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Path:
    made = init_project(tmp_path_factory.mktemp("filled") / "project")
    import_images(made, [faces], LIMITS)
    made.database.checkpoint()
    made.database.close()
    return made.path


@pytest.fixture(scope="session")
def _filled_on_postgres(
    tmp_path_factory: pytest.TempPathFactory, faces: Path, postgres_server: PostgresServer
) -> Path:
    url = postgres_server.create_with_tables()
    made = init_project(tmp_path_factory.mktemp("filled") / "project", database=url)
    import_images(made, [faces], LIMITS)
    made.database.close()
    return made.path


@pytest.fixture
def filled_on_postgres(
    tmp_path: Path, _filled_on_postgres: Path, postgres_server: PostgresServer
) -> Iterator[ProjectFolder]:
    """The same as `filled`, in PostgreSQL whatever the engine of the other projects is."""
    url = postgres_server.copy_project(_filled_on_postgres, tmp_path / "project")
    made = ProjectFolder.open(tmp_path / "project")
    yield made
    made.database.close()
    postgres_server.drop(url)


@pytest.fixture
def filled(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ProjectFolder]:
    """A project with 40 drawn faces and no labels; each test has a fresh copy."""
    if ENGINE != "sqlite":
        yield request.getfixturevalue("filled_on_postgres")
        return
    folder = tmp_path / "project"
    shutil.copytree(request.getfixturevalue("_filled"), folder)
    made = ProjectFolder.open(folder)
    yield made
    made.database.close()


@pytest.fixture
def features(filled: ProjectFolder, tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> None:
    """The features of the filled project's images are there, for tests of what comes after them."""
    made = made_once(tmp_path_factory, "features-of-filled", partial(compute_features_of_project, _filled))
    shutil.copytree(made / "project" / filled.cache.name, filled.cache, dirs_exist_ok=True)


@pytest.fixture
def server(filled: ProjectFolder) -> Iterator[Server]:
    """`facelabel serve` on the filled project, in a separate process."""
    with Server(filled.path) as running:
        yield running


@pytest.fixture
def doubled(tmp_path: Path, faces: Path) -> ProjectFolder:
    """A project with six faces and, imported later, smaller recompressed copies of the first three."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for path in sorted(faces.glob("*.jpg"))[:6]:
        (tmp_path / "a" / path.name).write_bytes(path.read_bytes())
    for path in sorted(faces.glob("*.jpg"))[:3]:
        Picture.open(path).resize((80, 80)).save(tmp_path / "b" / f"copy-{path.name}", quality=70)
    made = init_project(tmp_path / "project")
    import_images(made, [tmp_path / "a"], LIMITS)
    import_images(made, [tmp_path / "b"], LIMITS)
    yield made
    made.database.close()


@pytest.fixture
def labelled(filled: ProjectFolder, faces: Path) -> ProjectFolder:
    """A project with 40 drawn faces and all their labels."""
    call("import", faces / "answers.csv", "-p", filled.path).assert_done()
    return filled
