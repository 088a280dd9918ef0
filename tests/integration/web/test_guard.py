"""Other sites' pages can't use this server, and its own pages load nothing from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.integration.web.site import Site


@pytest.mark.parametrize("path", ["/", "/api/v1/jobs", "/healthz", "/static/style.css"])
def test_a_name_that_was_rebound_to_this_machine_is_refused(
    client: httpx.Client, path: str
) -> None:
    answer = client.get(path, headers={"Host": "rebound.example:8080"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert "rebound.example" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
    ],
)
def test_a_page_of_another_site_changes_nothing(
    site: Site, client: httpx.Client, headers: dict[str, str]
) -> None:
    job = site.job()
    for path in (f"/api/v1/jobs/{job.id}/cancel", "/api/v1/uploads?name=a.mp4"):
        answer = client.post(path, headers=headers, content=b"film")
        assert answer.status_code == 403
    assert site.view(job.id).state == "queued"
    assert not (site.inbox / "a.mp4").exists()


def test_our_own_pages_and_programs_may(site: Site, client: httpx.Client) -> None:
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"/api/v1/jobs/{site.job('a.mp4').id}/cancel", headers=own).is_success
    assert client.post(f"/api/v1/jobs/{site.job('b.mp4').id}/cancel").is_success


@pytest.mark.parametrize("path", ["/", "/api/v1/jobs", "/absent", "/static/job.js", "/metrics"])
def test_every_answer_says_what_may_be_loaded(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
