"""The web part: pages, the API, uploads into the same ingest path, live progress, the results."""

from pipeline.web.app import create_app
from pipeline.web.server import serve

__all__ = ["create_app", "serve"]
