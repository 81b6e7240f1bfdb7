"""Run the example DAG twice, as Airflow itself does in ``dag.test()``, and tell what became of the tasks.

``make demo`` starts this in a process of its own, with the environment that points Airflow at the emulator.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "example_dags"


def main(report: Path) -> int:
    """Write one JSON line for each DAG run as soon as it has ended.

    :return: the exit status: 0 if every DAG run succeeded
    """
    sys.path.insert(0, str(EXAMPLES))
    from example_run_cache import dag

    failed = False
    for _ in range(2):
        dag_run = dag.test()
        tasks = [
            {"task": ti.task_id, "state": str(ti.state), "tries": ti.try_number, "xcom": ti.xcom_pull(ti.task_id)}
            for ti in sorted(dag_run.get_task_instances(), key=lambda ti: ti.start_date)
        ]
        with report.open("a") as lines:
            lines.write(json.dumps({"run_id": dag_run.run_id, "state": str(dag_run.state), "tasks": tasks}) + "\n")
        failed |= dag_run.state != "success"
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
