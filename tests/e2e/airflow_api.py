"""The REST API of Airflow 2 and 3, as far as tests need it."""

from __future__ import annotations

from typing import Any

import httpx


class AirflowApi:
    """The REST API.

    :param client: its base URL is that of the web server
    :param major: the major version of Airflow
    """

    def __init__(self, client: httpx.Client, major: int) -> None:
        self.client, self.major = client, major
        self._root = "/api/v1" if major < 3 else "/api/v2"

    def log_in(self) -> bool:
        """Log in, and tell whether the web server was ready for it."""
        try:
            if self.major < 3:
                return self.client.get(f"{self._root}/health").is_success
            answer = self.client.get("/auth/token")
        except httpx.TransportError:
            return False
        if answer.is_success:
            self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer.is_success

    def get(self, path: str, **query: Any) -> Any:
        """Return what the REST API answers below its root, or None if there is no such thing yet."""
        answer = self.client.get(f"{self._root}/{path}", params=query)
        return None if answer.status_code == 404 else _content(answer)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make a change below the root of the REST API, and return the answer."""
        return _content(self.client.request(method, f"{self._root}/{path}", json=body))

    def trigger(self, dag_id: str, run_id: str | None = None) -> str:
        """Start a DAG run, and return its id."""
        body: dict[str, Any] = {} if self.major < 3 else {"logical_date": None}
        body |= {"dag_run_id": run_id} if run_id else {}
        return str(self.send("POST", f"dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def delete_dag_run(self, dag_id: str, run_id: str) -> None:
        """Delete a DAG run, so that its id is free again."""
        self.send("DELETE", f"dags/{dag_id}/dagRuns/{run_id}")

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Describe a DAG run."""
        found: dict[str, Any] = self.get(f"dags/{dag_id}/dagRuns/{run_id}")
        return found

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Describe a task instance; while it is deferred, with its ``trigger`` and ``triggerer_job``."""
        found: dict[str, Any] = self.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return found

    def tasks(self) -> list[dict[str, Any]]:
        """Describe the task instances of all DAG runs: 1,000 at most, or ``[api] maximum_page_limit``."""
        found: list[dict[str, Any]] = self.get("dags/~/dagRuns/~/taskInstances", limit=1000)["task_instances"]
        return found

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task, whatever its state, as a person does in the UI.

        The REST API of Airflow 2.11 answers that it has cleared a running task, and leaves it running.
        """
        if self.major < 3:
            began = self.dag_run(dag_id, run_id)["logical_date"]
            form = {"dag_id": dag_id, "task_id": task_id, "execution_date": began, "confirmed": "true"}
            answer = self.client.post("/clear", data=form, headers={"Accept": "application/json"})
            assert answer.text == "1 task instances have been cleared", answer.text
            return
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self.send("POST", f"dags/{dag_id}/clearTaskInstances", body | {"reset_dag_runs": True})

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Give a task another state, as a person does in the UI."""
        body: dict[str, Any] = {"new_state": state} | ({"dry_run": False} if self.major < 3 else {})
        self.send("PATCH", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", body)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1) -> Any:
        """Return an XCom value."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        more = {"stringify": "false"} if self.major < 3 else {}
        return self.get(path, map_index=map_index, **more)["value"]

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str | None]:
        """Return the addresses of a task's extra links by their names."""
        answer = self.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links")
        links: dict[str, str | None] = answer if self.major < 3 else answer["extra_links"]
        return links


def _content(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None
