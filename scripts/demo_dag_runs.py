"""Run the example DAG again and again, as Airflow itself does in ``dag.test()``, while its author goes on working.

``make demo`` starts this in a process of its own, with the environment that points Airflow at the emulator. After each
try of the DAG's task ``genome`` a JSON line tells what became of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
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

    :param folder: for the workflow
    :param s3: boto3's client
    """

    folder: Path
    s3: Any
    written: str = field(init=False)

    @property
    def path(self) -> Path:
        """Where the workflow lies."""
        return self.folder / "genome.wdl"

    def __post_init__(self) -> None:
        self.written = (DATA / "genome.wdl").read_text()
        if self.written.count(CONVERTED) != 1:
            raise ValueError(f"genome.wdl must have {CONVERTED} in one place, which the demo leaves out at first.")

    def write(self, text: str) -> None:
        """Save the workflow."""
        self.folder.mkdir(exist_ok=True)
        self.path.write_text(text)

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


@dataclass(frozen=True)
class Step:
    """One try of the task ``genome``.

    :param title: what happens
    :param work: what the author does before
    :param reused: how many tasks of five the run cache gives; None: the run fails
    :param cache_behavior: of the HealthOmics run
    :param retry: whether it is Airflow's retry after the step before; else it is the first try in another DAG run
    """

    title: str
    work: str
    reused: int | None
    cache_behavior: str = "CACHE_ALWAYS"
    retry: bool = False


STORY = (
    Step("the last task has a mistake", "begin", None, "CACHE_ON_FAILURE"),
    Step("it is mended, and tried again", "mend", 4, "CACHE_ON_FAILURE", retry=True),
    Step("the next, with CACHE_ALWAYS", "rest", 4),
    Step("the same again", "rest", 5),
    Step("one sample has new reads", "sequence_again", 3),
)


@dataclass(frozen=True)
class Try:
    """What became of a step.

    :param run_id: Airflow's id of the DAG run
    :param number: which try of its task instance it was
    :param state: Airflow's, of the task instance after it
    :param reused: how many tasks the run cache gave; None: the run failed
    :param error: what Airflow says of the failure
    """

    run_id: str
    number: int
    state: str
    reused: int | None = None
    error: str | None = None


class Telling:
    """The story as it really goes.

    :param dag: the example's
    :param author: who works on it
    :param report: the file that gets a line for each step as soon as it is over
    """

    def __init__(self, dag: Any, author: Author, report: Path) -> None:
        self.dag = dag
        self.author = author
        self.report = report
        self.tries: list[Try] = []
        genome = dag.get_task("genome")
        genome.retry_delay = timedelta(seconds=1)  # this author is quick
        genome.on_retry_callback = [self.mend]

    def tell(self, done: Try) -> None:
        """Keep what became of a step."""
        self.tries.append(done)
        with self.report.open("a") as lines:
            lines.write(json.dumps(asdict(done)) + "\n")

    def mend(self, context: Any) -> None:
        """Hear why the try failed, correct the workflow and have it registered, while the task is up for retry."""
        ti = context["ti"]
        self.tell(Try(ti.run_id, ti.try_number, ti.state.value, error=str(context["exception"])))
        step = STORY[len(self.tries)]
        if step.retry:  # else the try should not have failed, and the next one fails as well
            getattr(self.author, step.work)()
            clear(ti.dag_id, "workflow", context["logical_date"])

    def run(self, step: Step) -> None:
        """Let Airflow run the DAG, with the retry that it may need."""
        getattr(self.author, step.work)()
        conf = {"definition": str(self.author.path), "cache_behavior": step.cache_behavior}
        dag_run = self.dag.test(run_conf=conf)
        ti = next(ti for ti in dag_run.get_task_instances() if ti.task_id == "genome")
        result = ti.xcom_pull("genome")
        self.tell(Try(ti.run_id, ti.try_number, str(ti.state), reused=result and result["tasks_reused"]))

    def check(self) -> None:
        """Raise SystemExit with what went another way than in the story.

        Tries with one run id are tries of one task instance, since only those of ``genome`` are told.
        """
        before = None
        for step, done in zip(STORY, self.tries, strict=False):
            number, run_id = (2, before) if step.retry else (1, done.run_id)
            if (done.reused, done.number, done.run_id) != (step.reused, number, run_id):
                raise SystemExit(f"{step.title}: {done}, but it should have been try {number}, reused {step.reused}.")
            before = done.run_id


def clear(dag_id: str, task_id: str, logical_date: datetime) -> None:
    """Clear one task of a DAG run, and none after it, as a person does.

    :param task_id: no part of another's id; Airflow 3 takes what it calls a regex as a part of the id
    """
    date = logical_date.isoformat()
    command = (sys.executable, "-m", "airflow", "tasks", "clear", dag_id, "--task-regex", task_id)
    subprocess.run([*command, "--start-date", date, "--end-date", date, "--yes"], check=True, timeout=900)


def main() -> None:
    """Tell the story.

    :raises SystemExit: if the cache gave a run anything else than what the story says
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
    telling = Telling(dag, author, options.report)
    for step in STORY:
        if not step.retry:
            telling.run(step)
            telling.check()


if __name__ == "__main__":
    main()
