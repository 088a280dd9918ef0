"""The API: jobs, what can be done to them, and errors in one shape."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import update

from pipeline.errors import ReelworksError
from pipeline.history import listing, schedule_runs, steps
from pipeline.history.database import now
from pipeline.history.schedule_runs import Beginning, Run
from pipeline.models import Job, JobState, ScheduleRun
from pipeline.tasks.owner import process
from tests.integration.scheduler.conftest import point_django_at

if TYPE_CHECKING:
    from tests.integration.web.site import Site

JOBS = "/api/v1/jobs"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
BAD = ReelworksError("not_media", "clip.mp4 is a text.", "Give a video; see `reelworks show`.")


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    return error


def test_jobs_are_listed_newest_first(site: Site, client: httpx.Client) -> None:
    made = [site.job(name).id for name in ("a.mp4", "b.mp4", "c.mp4")]
    assert [job["id"] for job in client.get(JOBS).json()] == made[::-1]
    assert len(client.get(JOBS, params={"limit": 2}).json()) == 2


def test_jobs_of_one_state_can_be_asked_for(site: Site, client: httpx.Client) -> None:
    site.job("a.mp4")
    failed = site.job("b.mp4")
    site.end(failed.id, JobState.FAILED, BAD)
    found = client.get(JOBS, params={"state": "failed"}).json()
    assert [job["id"] for job in found] == [failed.id]


def test_a_job_is_shown_as_promised_by_its_id_or_a_beginning_of_it(
    site: Site, client: httpx.Client
) -> None:
    job = site.job()
    shown = client.get(f"{JOBS}/{job.id[:8]}").json()
    assert shown == job.model_dump(mode="json")
    assert shown["created_at"].endswith("Z")


def test_a_failed_job_is_run_again(site: Site, client: httpx.Client) -> None:
    job = site.job()
    site.end(job.id, JobState.FAILED, BAD)
    answer = client.post(f"{JOBS}/{job.short_id}/retry")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["run"]) == ("queued", 2)
    assert site.published == [job.id, job.id]


def test_a_job_is_cancelled_once(site: Site, client: httpx.Client) -> None:
    job = site.job()
    assert client.post(f"{JOBS}/{job.id}/cancel").json()["state"] == "cancelled"
    again = client.post(f"{JOBS}/{job.id}/cancel")
    assert again.status_code == 409
    assert error_of(again)["code"] == "wrong_state"


def test_a_job_that_has_not_ended_is_not_run_again(site: Site, client: httpx.Client) -> None:
    answer = client.post(f"{JOBS}/{site.job().id}/retry")
    assert answer.status_code == 409
    assert error_of(answer)["code"] == "wrong_state"


def test_a_form_of_a_page_without_scripts_comes_back_to_the_page(
    site: Site, client: httpx.Client
) -> None:
    job = site.job()
    answer = client.post(f"{JOBS}/{job.id}/cancel", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job.short_id}")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/jobs/nothing", 404, "no_such_job"),
        ("POST", "/api/v1/jobs/nothing/retry", 404, "no_such_job"),
        ("GET", "/api/v1/jobs/nothing/events", 404, "no_such_job"),
        ("GET", "/jobs/nothing", 404, "no_such_job"),
        ("GET", "/files/nothing/poster.jpg", 404, "no_such_job"),
        ("GET", "/api/v1/absent", 404, "not_found"),
        ("GET", "/static/absent.js", 404, "not_found"),
        ("DELETE", "/api/v1/jobs", 405, "method_not_allowed"),
        ("GET", "/api/v1/uploads", 405, "method_not_allowed"),
        ("GET", "/api/v1/jobs?state=asleep", 422, "bad_request"),
        ("GET", "/api/v1/jobs?limit=0", 422, "bad_request"),
        ("GET", "/api/v1/jobs?limit=many", 422, "bad_request"),
    ],
)
def test_every_error_has_the_one_shape(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"].endswith(".")
    if status == 405:
        assert answer.headers["allow"]


def test_a_wrong_value_is_named_and_where_to_look(client: httpx.Client) -> None:
    error = error_of(client.get(JOBS, params={"limit": 0}))
    assert error["message"].startswith("limit: ")
    assert "/api/v1/openapi.json" in error["hint"]


def test_a_browser_is_shown_a_page_about_the_error(client: httpx.Client) -> None:
    answer = client.get("/jobs/<b>", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is no job &#39;&lt;b&gt;&#39;." in answer.text
    assert "<code>reelworks jobs</code>" in answer.text
    assert "Not found" in answer.text
    assert "no_such_job" not in answer.text


def test_an_unexpected_error_is_answered_in_the_same_shape(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr(listing, "newest", broken)
    answer = client.get(JOBS)
    assert answer.status_code == 500
    assert error_of(answer)["code"] == "unexpected"
    assert "nobody" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_api_describes_itself_and_loads_no_documentation_from_elsewhere(
    client: httpx.Client,
) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/uploads" in described["paths"]
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_pages_show_a_job_and_escape_its_name(site: Site, client: httpx.Client) -> None:
    job = site.job("<img src=x onerror=alert(1)>.mp4")
    site.end(job.id, JobState.FAILED, BAD)
    for page in ("/", f"/jobs/{job.short_id}"):
        text = client.get(page).text
        assert "&lt;img src=x onerror=alert(1)&gt;.mp4" in text
        assert "<img src=x" not in text
        assert "clip.mp4 is a text." in text


def test_a_name_that_turns_the_direction_of_reading_is_no_other_on_pages(
    site: Site, client: httpx.Client
) -> None:
    job = site.job("a\n\u202egpj.4pm.mp4")
    for page in ("/", f"/jobs/{job.short_id}"):
        text = client.get(page).text
        assert "a\\n\\u202egpj.4pm.mp4" in text
        assert "\u202e" not in text


def test_the_page_of_a_job_shows_what_its_sidecar_says(site: Site, client: httpx.Client) -> None:
    site.inbox.mkdir(exist_ok=True)
    wishes = "title: <The> harbour\nlanguage: de\nmetadata: {artist: A. Camera}\n"
    (site.inbox / "clip.mp4.yml").write_text(wishes)
    text = client.get(f"/jobs/{site.job().id}").text
    assert "<dt>Title</dt><dd>&lt;The&gt; harbour</dd>" in text
    assert "<dt>Language</dt><dd>deu</dd>" in text
    assert "<dt>artist</dt><dd>A. Camera</dd>" in text


def test_the_library_shows_jobs_of_one_state_and_offers_more(
    site: Site, client: httpx.Client
) -> None:
    for name in ("a.mp4", "b.mp4"):
        site.job(name)
    assert "Show more" in client.get("/", params={"limit": 1}).text
    queued = client.get("/", params={"state": "queued"}).text
    assert ">a.mp4<" in queued
    assert "Show more" not in queued
    assert "No job is running." in client.get("/", params={"state": "running"}).text


def test_an_empty_library_says_what_to_do(client: httpx.Client) -> None:
    assert "The first video you drop appears here." in client.get("/").text


def test_jobs_are_found_by_name_and_profile(site: Site, client: httpx.Client) -> None:
    site.job("Summer 100%.mp4")
    site.job("winter.mp4", profile="small")
    for name in ("summer", "100%", "inbox", "%"):
        found = [job["source"]["path"] for job in client.get(JOBS, params={"name": name}).json()]
        assert [path.endswith("Summer 100%.mp4") for path in found] == [True] * (name != "inbox")
    assert len(client.get(JOBS, params={"profile": "small"}).json()) == 1
    assert client.get(JOBS, params={"profile": "small", "name": "summer"}).json() == []
    page = client.get("/", params={"name": "WINTER"}).text
    assert ">winter.mp4<" in page
    assert "Summer" not in page
    assert "No job is like that." in client.get("/", params={"name": "autumn"}).text
    assert "?state=queued&amp;name=WINTER" in page


def test_pages_say_waiting_while_nobody_works_on_a_job(site: Site, client: httpx.Client) -> None:
    job = site.job()
    site.plan(job.id, "rendition:180p")
    assert client.get(f"{JOBS}/{job.id}").json()["state"] == "running"
    for page in ("/", f"/jobs/{job.id}"):
        assert '<span class="state waiting">waiting</span>' in client.get(page).text


def test_what_a_tool_said_in_failed_attempts_is_on_the_page(
    site: Site, client: httpx.Client
) -> None:
    job = site.job()
    site.plan(job.id, "rendition:180p", "rendition:90p")
    site.take(job.id, "thumbnail")
    site.done(job.id, "thumbnail")
    claim = site.take(job.id, "rendition:180p", "rendition:90p")
    with site.ready.db.begin() as session:
        steps.fail(session, claim, BAD, retry_in=None, log="x264: <no> way")
    page = client.get(f"/jobs/{job.id}").text
    assert page.count("x264: &lt;no&gt; way") == 1
    assert "180p, 90p, attempt 1" in page
    assert "<span>180p, 90p: clip.mp4 is a text.</span>" in page


def test_a_deleted_source_is_said_to_be(site: Site, client: httpx.Client) -> None:
    job = site.job()
    assert "(deleted)" not in client.get(f"/jobs/{job.id}").text
    with site.ready.db.begin() as session:
        change = {"state": JobState.SUCCEEDED, "source_fate": "deleted", "settled_at": now(session)}
        session.execute(update(Job).where(Job.id == job.id).values(**change))
    assert "</code> (deleted)" in client.get(f"/jobs/{job.id}").text
    told = client.get(f"/api/v1/jobs/{job.id}").json()["source"]
    assert (told["fate"], told["deleted"]) == ("deleted", True)


def test_the_page_of_schedules_tells_a_run_whose_worker_is_gone(
    site: Site, client: httpx.Client
) -> None:
    point_django_at(site.ready.settings)
    name = "system:reconcile"
    for owner, told in (
        (f"control@a/{process()}/1/t", '<span class="state running">running</span>'),
        (
            "control@a/place.1.1/1/later",
            '<span class="state failed">lost</span> its worker ended before it did',
        ),
    ):
        run = Run(name, "pipeline.reconcile", owner.rpartition("/")[2], owner)
        with site.ready.db.begin() as session:
            assert schedule_runs.begin(session, run, due_at=None) is Beginning.BEGUN
            if told.endswith("did"):
                lapsed = now(session) - timedelta(seconds=1)
                session.execute(update(ScheduleRun).values(lease_until=lapsed))
        assert told in " ".join(client.get("/schedules").text.split())


def test_every_page_leads_to_flower_and_the_schedules(site: Site, client: httpx.Client) -> None:
    point_django_at(site.ready.settings)  # another test may have set it up on its own database
    page = client.get("/").text
    assert 'href="http://127.0.0.1:5555/"' in page
    assert 'href="/schedules"' in page
    schedules = client.get("/schedules").text
    assert 'role="columnheader">Task</th>' in schedules
    assert "reconcile" in schedules
    for column in ("Next run", "Last run", "Last result"):
        assert column in schedules
    assert "never" in schedules
    lost = client.get("/nowhere", headers={"accept": "text/html"})
    assert lost.status_code == 404
    assert 'href="http://127.0.0.1:5555/"' in lost.text
