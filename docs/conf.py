"""The documentation's configuration: ``make docs`` builds it, and a warning fails the build."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

# autodoc imports the real package, and importing Airflow makes a folder at AIRFLOW_HOME; make names one.
if "AIRFLOW_HOME" not in os.environ:
    home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="omics-docs-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "docs" / "_ext")]

from airflow_provider_omics import __version__  # noqa: E402

project = "airflow-provider-omics"
author = "The airflow-provider-omics maintainers"
copyright = "2026, the airflow-provider-omics maintainers"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "sphinx_copybutton", "omics"]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(airflow|asyncio|botocore|datetime|moto|collections|logging)\..*"),
    ("py:.*", r"(Any|Base|BaseOperator|Context|Config|Resource|OmicsClient|Literal.*|ClassVar|TriggerEvent)"),
]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_show_sphinx = False

autodoc_typehints = "none"
autodoc_member_order = "bysource"
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
