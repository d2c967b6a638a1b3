"""The site in Airflow's own pages: *Nightjar* in the menu, and a tab of every run. AIRFLOW__CORE__PLUGINS_FOLDER names
this folder. Who may look at the nightly DAG may look at the site, which has people's lists; nobody else."""

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/nightjar"
DAG = "nightly_recommendations"


async def site(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application: one file of the site per request."""
    if scope["type"] == "http":
        await (await _answer(scope))(scope, receive, send)


async def _answer(scope: Any) -> Any:
    # here, as every process of Airflow loads plugins, and only the API server answers
    from starlette.requests import Request
    from starlette.responses import FileResponse, PlainTextResponse, Response

    from pipeline.tasks.site_files import NO_SITE, found

    request = Request(scope)
    if (refused := await _refusal(request)) is not None:
        return PlainTextResponse("Log in to Airflow, as somebody who may see this DAG.", refused)
    inside = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
    if request.method not in {"GET", "HEAD"} or (file := found(inside)) is None:
        return PlainTextResponse(NO_SITE, 404)
    try:
        known = file.stat()
    except OSError:  # replaced by a newer site just now
        return PlainTextResponse(NO_SITE, 404)
    # a shared cache must not keep what only some may see, nor a browser what the next night replaces
    headers = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    answer = FileResponse(file, headers=headers, stat_result=known)
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        return Response(status_code=304, headers=headers | {"etag": answer.headers["etag"]})
    return answer


async def _refusal(request: Any) -> int | None:
    """The status that somebody gets who may not look; None: they may."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import HTTPException

    try:
        user = await get_user(request, None, None)
    except HTTPException as error:
        return error.status_code
    return None if get_auth_manager().is_authorized_dag(method="GET", details=DagDetails(id=DAG), user=user) else 403


APPS: list[Any] = [{"app": site, "url_prefix": PREFIX, "name": "Nightjar's site"}]
VIEWS: list[Any] = [
    {
        "name": "Nightjar",
        "href": urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/") + f"{PREFIX}/index.html",
        "destination": place,
        "url_route": f"nightjar_{place}",
    }
    for place in ("nav", "dag_run")
]


class NightjarSite(AirflowPlugin):
    """Where Airflow shows the site."""

    name = "nightjar_site"
    fastapi_apps = APPS
    external_views = VIEWS
