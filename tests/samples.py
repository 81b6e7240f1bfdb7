"""The samples of the tests of run batches, and how these look at what became of them."""

from __future__ import annotations

from typing import Any

SAMPLES = [{"runSettingId": f"sample_{n}", "parameters": {"sample": f"s3://genomes/{n}.bam"}} for n in (1, 2, 3)]


def batches(omics: Any) -> list[dict[str, Any]]:
    """Return the descriptions of all batches, the oldest first."""
    found = [omics.get_batch(batchId=item["id"]) for item in omics.list_batch()["items"]]
    return sorted(found, key=lambda batch: batch["creationTime"])


def by_sample(result: dict[str, Any], key: str) -> dict[str, Any]:
    """Return one entry of each row of a result."""
    return {row["run_setting_id"]: row[key] for row in result["runs"]}
