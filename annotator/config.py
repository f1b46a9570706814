"""Settings. Each can be set in the environment as FACELABEL_<NAME>."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from annotator.addresses import Network, PublicUrl, host_name, parse_network, parse_public_url
from annotator.domain.roles import Role
from annotator.imaging.image_kinds import MAX_PIXELS


def _entries(value: object) -> list[str]:
    """The entries of a setting with several: the environment has commas between them, a command has a list."""
    texts = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
    return [text for each in texts if (text := str(each).strip())]


def _names(value: object) -> tuple[str, ...]:
    names = tuple(host_name(entry) for entry in _entries(value))
    if "" in names:
        raise ValueError("each entry must be the name of a host")
    return names


def _networks(value: object) -> tuple[Network, ...]:
    return tuple(parse_network(entry) for entry in _entries(value))


def _public_url(value: object) -> object:
    return (parse_public_url(value) if value else None) if isinstance(value, str) else value


class Settings(BaseSettings):
    """The settings of a command. A command does not start with an invalid value."""

    model_config = SettingsConfigDict(env_prefix="FACELABEL_", extra="ignore")

    project: Path = Field(Path(), description="The project folder, unless --project names another one.")
    database: SecretStr | None = Field(
        None, description="The URL of the project's PostgreSQL database; without it the project has a file."
    )
    host: str = Field("127.0.0.1", description="The address that `serve` listens on.")
    port: int = Field(
        8420, ge=0, le=65535, description="The port that `serve` listens on; 0 chooses a free one."
    )
    names: Annotated[tuple[str, ...], NoDecode, PlainValidator(_names)] = Field(
        (), description="The names by which `serve` is called, besides its host and this machine's own."
    )
    public_url: Annotated[PublicUrl | None, NoDecode, PlainValidator(_public_url)] = Field(
        None, description="The URL that people open, where a proxy passes their requests on to `serve`."
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, PlainValidator(_networks)] = Field(
        (), description="The addresses or networks of proxies, whose X-Forwarded-For names the client."
    )
    start_token: bool = Field(
        True, description="Whether a project without accounts opens only by the address that `serve` prints."
    )
    threads: int = Field(8, ge=1, le=64, description="The number of threads of each web process.")
    processes: int = Field(
        1, ge=1, le=64, description="The number of web processes; several need the extra `server` (gunicorn)."
    )
    lease_seconds: int = Field(
        600,
        ge=1,
        description="For how long an image is leased to a labeller; working on it renews the lease.",
    )
    max_pixels: int = Field(
        MAX_PIXELS, ge=1, description="Images with more pixels are refused before they are decoded."
    )
    max_file_bytes: int = Field(128 * 2**20, ge=1, description="Larger image files are refused.")
    max_upload_bytes: int = Field(16 * 2**30, ge=1, description="The import page refuses larger files.")
    tile_cache_bytes: int = Field(
        2 * 2**30,
        ge=0,
        description="How much of the disk the kept tiles and thumbnails may take; the ones not used for longest go first.",
    )
    store: str = Field(
        "",
        description="The address of object storage, such as s3://bucket/prefix, in which a new project keeps its images; "
        "empty: in its folder. A project that exists must have the same one.",
    )
    store_cache_bytes: int = Field(
        10 * 2**30,
        ge=2**20,
        description="How much of the disk the copies of images in object storage may take; the ones not used for longest go first.",
    )
    store_signed_seconds: int = Field(
        0,
        ge=0,
        le=3600,
        description="For how long an address lives by which a browser gets a view from object storage itself; "
        "0: all views go through the server.",
    )
    reserve_bytes: int = Field(
        2**30,
        ge=0,
        description="Free disk space that imports leave for answers, snapshots and the database; at most 5 % of the disk.",
    )
    worker: bool = Field(
        True, description="Whether `serve` starts a worker. `facelabel worker` starts one separately."
    )
    worker_lost_seconds: float = Field(
        30,
        ge=1,
        description="After how long without a sign of life a worker of another machine is taken for lost.",
    )
    faces: bool = Field(True, description="Whether the worker searches for faces while no round is due.")
    round_every: int = Field(
        25,
        ge=0,
        description="The number of newly labelled images after which a round starts automatically. "
        "0: rounds are only started by hand, and no features are computed in advance.",
    )
    rounds_kept: int = Field(
        3,
        ge=0,
        description="How many of the newest rounds stay whole; older ones that are not in use are pruned. 0: none is pruned.",
    )
    round_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="How many processes train the network of a round of the engine cnn, unless the round says another number.",
    )
    log: Literal["text", "json"] = Field(
        "text",
        description="How `serve` and the worker log: `text`, warnings and errors in lines; `json`, an object a line, "
        "with a line for each request.",
    )
    round_attempts: int = Field(
        3, ge=1, description="How often a round is attempted if its worker is killed."
    )
    oidc_issuer: str = Field(
        "", description="The address of an OpenID Connect provider through which people log in; empty: none."
    )
    oidc_client_id: str = Field("", description="The name under which the provider knows this server.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="The secret that the provider gave this server; none for a public client."
    )
    oidc_client_secret_file: Path | None = Field(
        None, description="A file with that secret, which only its owner can read."
    )
    oidc_hosts: str = Field(
        "",
        description="Further hosts of the provider that its description may name, such as oauth2.example.org.",
    )
    oidc_name_claim: str = Field(
        "preferred_username", description="The claim after which a new account is named."
    )
    oidc_role_claim: str = Field(
        "roles", description="The claim that lists somebody's groups or roles; a.b is the claim b within a."
    )
    oidc_roles: dict[str, Role] = Field(
        default_factory=dict,
        description="The roles that values of that claim give, as JSON. Empty: an admin gives roles.",
    )
    oidc_unknown: Literal["labeller", "refuse"] = Field(
        "labeller", description="What becomes of people whose claim gives no role."
    )
    oidc_session_hours: int = Field(
        12, ge=1, le=24 * 90, description="After how many hours a login through the provider ends."
    )
