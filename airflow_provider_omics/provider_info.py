"""What Airflow shows of this provider.

Imports nothing: every Airflow command loads this module without a safety net, so that an exception here would
break all of them.
"""

from __future__ import annotations


def get_provider_info() -> dict[str, object]:
    """Return the provider's metadata in the form of Airflow's ``provider_info.schema.json``."""
    healthomics = "AWS HealthOmics"
    return {
        "package-name": "airflow-provider-omics",
        "name": healthomics,
        "description": "Create and reuse AWS HealthOmics run caches, and start the runs that use them.",
        "integrations": [
            {
                "integration-name": healthomics,
                "external-doc-url": "https://docs.aws.amazon.com/omics/latest/dev/",
                "tags": ["aws"],
            }
        ],
        "operators": [
            {
                "integration-name": healthomics,
                "python-modules": [
                    "airflow_provider_omics.operators.run_cache",
                    "airflow_provider_omics.operators.run",
                    "airflow_provider_omics.operators.run_end",
                    "airflow_provider_omics.operators.run_batch",
                    "airflow_provider_omics.operators.run_batch_end",
                    "airflow_provider_omics.operators.run_group",
                    "airflow_provider_omics.operators.workflow",
                    "airflow_provider_omics.operators.workflow_version",
                    "airflow_provider_omics.operators.samplesheet",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": healthomics,
                "python-modules": [
                    "airflow_provider_omics.sensors.run",
                    "airflow_provider_omics.sensors.run_batch",
                    "airflow_provider_omics.sensors.workflow",
                ],
            }
        ],
        "hooks": [{"integration-name": healthomics, "python-modules": ["airflow_provider_omics.hooks.omics"]}],
        "triggers": [
            {
                "integration-name": healthomics,
                "python-modules": ["airflow_provider_omics.triggers.omics", "airflow_provider_omics.triggers.pause"],
            }
        ],
        "extra-links": [
            f"airflow_provider_omics.links.omics.{name}"
            for name in ("EngineLogLink", "RunCacheDataLink", "RunLink", "RunLogLink")
        ],
        "config": {
            "omics": {
                "description": "Settings of the AWS HealthOmics provider.",
                "options": {
                    "require_connection": {
                        "description": (
                            "Refuse to work when the Airflow connection of a task does not exist. Without it, the "
                            "amazon provider falls back to the identity of the machine (on Amazon MWAA: the "
                            "execution role) and only logs a warning."
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": "True",
                        "default": "False",
                    },
                    "deployment": {
                        "description": (
                            "What tells this deployment of Airflow from others that share the AWS account: a task "
                            "never takes over another deployment's run. By default the name of the Amazon MWAA "
                            "environment, else the address of the web server. The entry deployment of a "
                            "connection's extra overrides it."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "genomics-production",
                        "default": "",
                    },
                },
            }
        },
    }
