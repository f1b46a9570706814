"""Settings. Each can be set in the environment as FACELABEL_<NAME>."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What can be set from outside; a wrong value is refused when a command starts."""

    model_config = SettingsConfigDict(env_prefix="FACELABEL_", extra="ignore")

    project: Path = Field(Path(), description="The project folder when --project is not given.")
    host: str = Field("127.0.0.1", description="The address `serve` listens on.")
    port: int = Field(8420, ge=0, le=65535, description="The port `serve` listens on; 0 takes a free one.")
    threads: int = Field(8, ge=1, le=64, description="Threads of the web server.")
    lease_seconds: int = Field(
        600, ge=1, description="How long an image is held for a labeller; activity renews it."
    )
    max_pixels: int = Field(
        64_000_000, ge=1, description="Images with more pixels are refused before they are decoded."
    )
    max_file_bytes: int = Field(128 * 2**20, ge=1, description="Larger image files are refused.")
    max_upload_bytes: int = Field(
        16 * 2**30, ge=1, description="Larger files are not taken from the import page."
    )
    worker: bool = Field(
        True, description="Whether `serve` starts a worker; `facelabel worker` is one of its own."
    )
    faces: bool = Field(True, description="Whether the worker looks for faces when no round is due.")
    round_every: int = Field(
        25,
        ge=0,
        description="A round starts by itself after so many newly labelled images; 0: only by hand, and no features are computed ahead.",
    )
    round_attempts: int = Field(
        3, ge=1, description="How often a round whose worker was killed is begun again."
    )
