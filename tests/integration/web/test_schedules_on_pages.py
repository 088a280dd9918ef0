"""Pages say what became of a job: that it waits, is damaged, or lost its results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.history import health, holding, jobs, lacking, pruning
from pipeline.history.views import OutputsView
from pipeline.models import JobState

if TYPE_CHECKING:
    import httpx

    from tests.integration.web.site import Site

OPENS = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)


def test_pages_say_until_when_a_job_waits_for_the_hours_of_heavy_work(
    site: Site, client: httpx.Client
) -> None:
    job = site.job()
    with site.ready.db.begin() as session:
        holding.hold(session, jobs.get(session, job.id, lock=True), OPENS)
    for page in ("/", f"/jobs/{job.id}"):
        text = client.get(page).text
        assert f'until <time datetime="{OPENS.isoformat()}"' in text
        assert '<span class="state waiting">' in text
    assert "data-waits" in client.get(f"/jobs/{job.id}").text
    assert client.get(f"/api/v1/jobs/{job.id}").json()["waits_until"].endswith("Z")


def test_pages_say_which_worker_a_job_lacks(site: Site, client: httpx.Client) -> None:
    made = site.job()
    with site.ready.db.begin() as session:
        job = jobs.get(session, made.id, lock=True)
        job.tag, job.state = "big-disk", JobState.RUNNING
        lacking.note(session, job, (), ())
    for page in ("/", f"/jobs/{made.id}"):
        assert "for a worker with big-disk" in client.get(page).text
    assert "data-waits" in client.get(f"/jobs/{made.id}").text
    assert client.get(f"/api/v1/jobs/{made.id}").json()["waits_for"] == "big-disk"


def test_the_page_of_a_job_tells_damage_and_removed_results(
    site: Site, client: httpx.Client
) -> None:
    job = site.job()
    site.end(job.id, JobState.SUCCEEDED)
    with site.ready.db.begin() as session:
        row = jobs.get(session, job.id, lock=True)
        row.output_directory = "/library/<clip>"
        health.record(session, row, ["mp4/<b>.mp4 is damaged"], (), 1)
    page = client.get(f"/jobs/{job.id}").text
    assert "The results are damaged" in page
    assert "mp4/&lt;b&gt;.mp4 is damaged" in page
    assert f"reelworks retry {job.short_id} --force" in page
    with site.ready.db.begin() as session:
        pruning.outputs_removed(session, jobs.get(session, job.id, lock=True), "older than 1d")
    page = client.get(f"/jobs/{job.id}").text
    assert "The results were removed" in page
    assert "<video" not in page
    shown = OutputsView.model_validate(client.get(f"/api/v1/jobs/{job.id}").json()["outputs"])
    assert shown.removed_at is not None
