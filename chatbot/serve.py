"""One process: the API and the pages on one address. Knows only how to put them together and how to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import uvicorn

from chatbot.api import create_api
from chatbot.app import App
from chatbot.retraining import Retraining
from chatbot.settling import Settling
from chatbot.web import mount
from configs.errors import ConfigError
from configs.settings import Settings


def serve(settings: Settings, app: App) -> None:
    """Serve until interrupted; running turns end first.

    Raises:
        ConfigError: the port is taken.
    """
    host, port = settings.api.host, settings.api.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host}:{port} ({error.strerror})", hint="choose another with --port"
            ) from error
    api = create_api(app)
    mount(api, app)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    print(f"kefu answers for {settings.shop.name} on http://{shown}:{port}  (stop with Ctrl-C)", flush=True)
    config = uvicorn.Config(
        api, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=20
    )

    app.load()
    # Requests are answered meanwhile; only the first quotes would have to wait for what is not embedded yet.
    threading.Thread(target=app.warm, name="warm", daemon=True).start()
    retraining = Retraining(settings)
    retraining.start()
    settling = Settling(app.actions)
    settling.start()

    async def run() -> None:
        try:
            await uvicorn.Server(config).serve()
        finally:
            retraining.stop()
            settling.stop()
            await app.aclose()

    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after it has stopped in order
        asyncio.run(run())
