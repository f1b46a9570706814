"""What operators see of the server: an id and a log line for each request, and /metrics for Prometheus.

Routes are named by their template, such as `/api/v1/images/<int:number>`, so that the number of time series is bounded and no
name of an image is in them.
"""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, has_request_context, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from annotator.project import ProjectFolder
from annotator.services.monitoring.numbers import read_numbers

operation = Blueprint("operation", __name__)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_random = random.SystemRandom()  # another sequence in each process, also in forked ones
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which several web processes count together, as prometheus_client calls it."""
_log = logging.getLogger("facelabel.requests")


class RequestMetrics:
    """The requests that one app has answered, or all processes that count in the same `METRICS_FOLDER`.

    Args:
        project: the project, whose numbers are read when the metrics are.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self.registry = own = CollectorRegistry()
        if os.environ.get(METRICS_FOLDER):
            # prometheus_client looks for the variable when it is imported, which was before.
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
            own = CollectorRegistry()
            MultiProcessCollector(self.registry)  # type: ignore[no-untyped-call]
        labels = ("method", "route", "status")
        self._requests = Counter("facelabel_requests", "Requests", labels, registry=own)
        self._seconds = Histogram(
            "facelabel_request_seconds", "Seconds until an answer was ready", ("route",), buckets=_SECONDS, registry=own
        )  # fmt: skip
        self.registry.register(_ProjectNumbers(project))

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class _ProjectNumbers(Collector):
    def __init__(self, project: ProjectFolder) -> None:
        self._project = project

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for number in read_numbers(self._project):
            family = GaugeMetricFamily(
                f"facelabel_{number.name}", number.text, labels=[number.label] if number.label else []
            )
            for label, value in number.values.items():
                family.add_metric([label] if number.label else [], value)
            yield family

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # otherwise registering would read the database


def observe(app: Flask, project: ProjectFolder) -> None:
    """Count and log every request of an app. It must be called before anything else that handles requests."""
    metrics = RequestMetrics(project)
    app.extensions["facelabel-metrics"] = metrics

    @app.before_request
    def begin() -> None:
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if _ID.fullmatch(sent) else f"{_random.getrandbits(64):016x}"
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        route = request.url_rule.rule if request.url_rule else "none"
        metrics.add(request.method if request.url_rule else "any", route, response.status_code, seconds)
        response.headers["X-Request-ID"] = g.get("request_id", "")
        if _log.isEnabledFor(logging.INFO):
            more = {"route": route, "status": response.status_code, "milliseconds": round(1000 * seconds, 1)}
            _log.info("%s %s", request.method, request.path, extra={**current_request(), **more})
        return response


def current_request() -> dict[str, Any]:
    """What a line of the log says about the request that this thread answers; {} if it answers none."""
    if not has_request_context():
        return {}
    return {"request_id": g.get("request_id", ""), "method": request.method, "path": request.path}


@operation.get("/metrics")
def show_metrics() -> Response:
    """The metrics in Prometheus' text format."""
    metrics = current_app.extensions["facelabel-metrics"]
    return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
