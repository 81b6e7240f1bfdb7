"""The samples of the tests of run batches, how these look at what became of them, and what alone differs in copies."""

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


ROLE, OTHER_ROLE = "arn:aws:iam::123456789012:role/Omics", "arn:aws:iam::123456789012:role/Another"
PARAMETERS = {"sample": "NA12878", "depth": 30, "regions": ["chr1", "chr2"]}

CLONES: dict[str, tuple[dict[str, Any], str]] = {
    "workflow": ({"workflowId": "7654321"}, "workflow '7654321', not '1234567'"),
    "role": ({"roleArn": OTHER_ROLE}, f"role '{OTHER_ROLE}', not '{ROLE}'"),
    "bucket": ({"outputUri": "s3://stolen/runs"}, "output URI 's3://stolen/runs', not 's3://omics-test-bucket/runs'"),
    "prefix": ({"outputUri": "s3://omics-test-bucket/runs-2"}, "output URI 's3://omics-test-bucket/runs-2', not"),
    "parameters": ({"parameters": {**PARAMETERS, "sample": "NA12891"}}, "other parameters"),
    "more-parameters": ({"parameters": {**PARAMETERS, "more": True}}, "other parameters"),
    "no-parameters": ({"parameters": {}}, "other parameters"),
}
"""What alone differs in a copy, and what the log says of it."""
