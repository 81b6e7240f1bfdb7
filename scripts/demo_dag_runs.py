"""Run the example DAG again and again, as Airflow itself does in ``dag.test()``, while its author goes on working.

``make demo`` starts this in a process of its own, with the environment that points Airflow at the emulator. After each
step of the story a JSON line tells what became of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "example_dags"
DATA = EXAMPLES / "wdl"
BUCKET = "amzn-s3-demo-bucket"
CONVERTED, FORGOTTEN = "int(sys.argv[1])", "sys.argv[1]"
"""What the author of ``genome.wdl`` forgot at first: the minimum depth is text then, and compares with no number."""


@dataclass
class Author:
    """The person who writes the workflow and has the data.

    :param folder: where the workflow lies
    :param s3: boto3's client
    """

    folder: Path
    s3: Any
    error: str | None = None
    """What Airflow said of the last try that failed."""
    written: str = field(init=False)

    def __post_init__(self) -> None:
        self.written = (DATA / "genome.wdl").read_text()
        if self.written.count(CONVERTED) != 1:
            raise ValueError(f"genome.wdl must have {CONVERTED} in one place, which the demo leaves out at first.")

    def write(self, text: str) -> None:
        """Save the workflow."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "genome.wdl").write_text(text)

    def upload(self) -> None:
        """Upload reference and reads."""
        for path in [DATA / "reference.fa", *sorted(DATA.glob("*.fastq"))]:
            self.s3.upload_file(str(path), BUCKET, f"data/{path.name}")

    def begin(self) -> None:
        """Write the workflow, with the mistake in its last task, and upload the data."""
        self.write(self.written.replace(CONVERTED, FORGOTTEN))
        self.upload()

    def mend(self) -> None:
        """Mend the last task."""
        self.write(self.written)

    def sequence_again(self) -> None:
        """Replace the reads of one sample by fewer."""
        records = (DATA / "NA12892.fastq").read_text().splitlines(keepends=True)
        body = "".join(records[: len(records) // 8 * 4]).encode()
        self.s3.put_object(Bucket=BUCKET, Key="data/NA12892.fastq", Body=body)

    def rest(self) -> None:
        """Change nothing."""

    def hear(self, context: Any) -> None:
        """Keep what Airflow says of a failed try."""
        self.error = str(context["exception"])


@dataclass(frozen=True)
class Step:
    """One DAG run, or another try of the last one.

    :param title: what happens
    :param work: what the author does before
    :param reused: how many tasks of five the run cache gives; None: the run fails
    :param cache_behavior: of the HealthOmics run
    :param again: whether the author clears the tasks of the last DAG run, so that Airflow tries them again
    """

    title: str
    work: str
    reused: int | None
    cache_behavior: str = "CACHE_ALWAYS"
    again: bool = False


STORY = (
    Step("the last task has a mistake", "begin", None, "CACHE_ON_FAILURE"),
    Step("it is mended, and tried again", "mend", 4, "CACHE_ON_FAILURE", again=True),
    Step("the next, with CACHE_ALWAYS", "rest", 4),
    Step("the same again", "rest", 5),
    Step("one sample has new reads", "sequence_again", 3),
)


def main() -> int:
    """Write one JSON line for each step as soon as it is over.

    :return: the exit status: 0 if the cache gave each run what the story says
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the author keeps the workflow")
    options = parser.parse_args()
    sys.path.insert(0, str(EXAMPLES))
    import boto3
    from example_call_caching import dag

    session = boto3.Session("emulator", "emulator", region_name="us-east-1")
    author = Author(options.folder, session.client("s3", endpoint_url=os.environ["DEMO_ENDPOINT"]))
    dag.get_task("genome").on_failure_callback = [author.hear]
    shutil.rmtree(author.folder, ignore_errors=True)
    date = datetime.now(UTC)
    reused: list[int | None] = []
    for step in STORY:
        getattr(author, step.work)()
        author.error = None
        date = date if step.again else datetime.now(UTC)
        definition = str(author.folder / "genome.wdl")
        dag_run = dag.test(
            logical_date=date, run_conf={"definition": definition, "cache_behavior": step.cache_behavior}
        )
        tasks = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}
        result = next(ti for ti in dag_run.get_task_instances() if ti.task_id == "genome").xcom_pull("genome")
        reused.append(result and result["tasks_reused"])
        line = {"title": step.title, "state": tasks["genome"], "error": author.error}
        with options.report.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
    return int(reused != [step.reused for step in STORY])


if __name__ == "__main__":
    sys.exit(main())
