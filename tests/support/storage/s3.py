"""An S3 server that runs in the test's process and answers over HTTP on a free port. All servers of a process have the same buckets."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

KEY, SECRET = "a-test-key", "a-secret-that-must-not-leak"
BUCKET = "faces"
URL = f"s3://{BUCKET}/team/one"
WATCHED = f"s3://{BUCKET}/photos"


@dataclass
class S3Server:
    """The server; it can be stopped and started again, and keeps its objects meanwhile."""

    port: int
    server: Any = None

    @property
    def environment(self) -> dict[str, str]:
        """What a command must have in its environment to use the server."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def client(self) -> Any:
        """A client of the server, to look at its objects and to change them."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def keys(self, prefix: str) -> list[str]:
        """The names of the objects below a prefix."""
        listed = self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for one in listed.get("Contents", [])]


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
