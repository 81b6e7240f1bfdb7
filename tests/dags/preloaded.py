"""What a process of Airflow imports first where this file stands as ``config/airflow_local_settings.py``.

LocalExecutor's workers are forks of the scheduler, Celery's tasks forks of their worker. With the operator's modules
and botocore's files already in its memory a task takes half a second of a processor instead of one.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

if {"scheduler", "celery"} & set(sys.argv):
    import boto3
    from botocore.loaders import JSONFileLoader

    for module in ("operators.run", "hooks.preflight", "triggers.pause"):
        import_module(f"airflow_provider_omics.{module}")
    read = JSONFileLoader.load_file
    known: dict[str, Any] = {}

    def load_file(self: JSONFileLoader, file_path: str) -> Any:
        """Read each file once."""
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    JSONFileLoader.load_file = load_file  # type: ignore[method-assign]
    for service in ("omics", "s3", "sts"):
        boto3.client(service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
