"""Every error of this package.

::

    OmicsError                      everything below; an AirflowException
    ├── OmicsInputError *           an argument is wrong; nothing was called
    ├── OmicsConnectionError *      the Airflow connection, its region or its settings are wrong
    ├── OmicsVersionError *         the installed boto3 lacks an operation or a member
    ├── OmicsServiceError           AWS answered with an error
    │   ├── AccessDenied            403: a permission is missing
    │   ├── Conflict                409: the state of a resource forbids the call
    │   ├── NotFound                404: no such resource
    │   ├── QuotaExceeded           402: a quota of the account is used up
    │   ├── Throttled               429, after all repeats
    │   └── ValidationFailed *      400: AWS refuses the request
    ├── AnswerUnreadable            an answer of AWS is nested too deeply to be read
    ├── NoAnswer                    AWS could not be reached
    ├── OutcomeUnknown              a creating call was sent, and no answer says whether it took effect
    ├── PreflightFailed             what was looked at before a start would keep the run from going well
    │   └── PreflightFailedForGood * and stays so, however often the same request is tried
    ├── ResourceFailed *            what a sensor watched has ended, and not well
    ├── StartTimeout                a start was refused until its time ran out; nothing was started
    ├── WaitTimeout                 a wait came to one of its limits
    ├── RunBatchError               a run batch did not end as was asked for
    │   ├── RunBatchCancelled       it was cancelled, by Airflow
    │   │   └── RunBatchCancelledForGood * by somebody else
    │   ├── RunBatchFailed          more of its samples did not complete than are accepted
    │   │   └── RunBatchFailedForGood * and no retry would start one of them again
    │   └── RunBatchNotDeleted      some of its runs could not be deleted
    ├── RunCacheError               a run cache is not what was asked for
    │   ├── RunCacheDrift *         it exists with another default behaviour
    │   ├── RunCacheElsewhere *     its name exists, but only at other S3 locations or owners
    │   ├── RunCacheExists *        it exists, and the author wants an error then
    │   ├── RunCacheFailed          AWS made it, in status FAILED
    │   └── RunCacheInUse           it cannot be deleted: runs use it
    ├── RunGroupError               a run group is not what was asked for
    │   ├── RunGroupDrift *         it exists with other limits
    │   ├── RunGroupExists *        it exists, and the author wants an error then
    │   ├── RunGroupGone            AWS answered with one that does not exist any more
    │   └── RunGroupInUse           it cannot be deleted: runs of it are active
    ├── RunSettingsUnreadable       the settings of a batch's runs cannot be read from S3, or written there
    ├── SamplesheetInvalid *        a samplesheet is wrong; all that is wrong with it
    ├── SamplesheetUnreadable       a samplesheet is not there, or may not be read
    ├── DefinitionUnreadable        a workflow's definition is not there, or may not be read
    ├── WorkflowError               a workflow, or a version of one, is not what was asked for
    │   ├── WorkflowDrift *         it exists with another default storage
    │   ├── WorkflowExists *        it exists, and the author wants an error then
    │   ├── WorkflowFailed          AWS could not make it of its definition
    │   │   └── WorkflowFailedForGood * because the definition has errors
    │   ├── WorkflowGone            AWS answered with one that cannot be used
    │   ├── WorkflowHasVersions     it cannot be deleted: it has versions
    │   └── WorkflowVersionDiffers * the version exists, made of another definition
    └── RunError                    a run did not complete
        ├── RunCancelled            it was cancelled or deleted, by Airflow
        │   └── RunCancelledForGood * by somebody else
        └── RunFailed               it failed
            └── RunFailedForGood *  it failed for a reason that the same request always meets

Those with a star are also ``AirflowFailException``: no retry can mend them, so Airflow fails the task at once. Of all
others ``retries`` decides. A message says what, which one, its status, AWS's own reason and what to do next; the same
facts are attributes.
"""

from __future__ import annotations

from airflow_provider_omics.exceptions.common import (
    AnswerUnreadable,
    NoAnswer,
    OmicsConnectionError,
    OmicsError,
    OmicsInputError,
    OmicsVersionError,
    OutcomeUnknown,
    WaitTimeout,
)
from airflow_provider_omics.exceptions.preflight import PreflightFailed, PreflightFailedForGood
from airflow_provider_omics.exceptions.run import (
    RunCancelled,
    RunCancelledForGood,
    RunError,
    RunFailed,
    RunFailedForGood,
    StartTimeout,
)
from airflow_provider_omics.exceptions.run_batch import (
    RunBatchCancelled,
    RunBatchCancelledForGood,
    RunBatchError,
    RunBatchFailed,
    RunBatchFailedForGood,
    RunBatchNotDeleted,
    RunSettingsUnreadable,
)
from airflow_provider_omics.exceptions.run_cache import (
    RunCacheDrift,
    RunCacheElsewhere,
    RunCacheError,
    RunCacheExists,
    RunCacheFailed,
    RunCacheInUse,
)
from airflow_provider_omics.exceptions.run_group import (
    RunGroupDrift,
    RunGroupError,
    RunGroupExists,
    RunGroupGone,
    RunGroupInUse,
)
from airflow_provider_omics.exceptions.samplesheet import SamplesheetInvalid, SamplesheetUnreadable
from airflow_provider_omics.exceptions.sensor import ResourceFailed
from airflow_provider_omics.exceptions.service import (
    SERVICE_ERRORS,
    AccessDenied,
    Conflict,
    NotFound,
    OmicsServiceError,
    QuotaExceeded,
    Throttled,
    ValidationFailed,
)
from airflow_provider_omics.exceptions.workflow import (
    DefinitionUnreadable,
    WorkflowDrift,
    WorkflowError,
    WorkflowExists,
    WorkflowFailed,
    WorkflowFailedForGood,
    WorkflowGone,
    WorkflowHasVersions,
    WorkflowVersionDiffers,
)

__all__ = [
    "SERVICE_ERRORS",
    "AccessDenied",
    "AnswerUnreadable",
    "Conflict",
    "DefinitionUnreadable",
    "NoAnswer",
    "NotFound",
    "OmicsConnectionError",
    "OmicsError",
    "OmicsInputError",
    "OmicsServiceError",
    "OmicsVersionError",
    "OutcomeUnknown",
    "PreflightFailed",
    "PreflightFailedForGood",
    "QuotaExceeded",
    "ResourceFailed",
    "RunBatchCancelled",
    "RunBatchCancelledForGood",
    "RunBatchError",
    "RunBatchFailed",
    "RunBatchFailedForGood",
    "RunBatchNotDeleted",
    "RunCacheDrift",
    "RunCacheElsewhere",
    "RunCacheError",
    "RunCacheExists",
    "RunCacheFailed",
    "RunCacheInUse",
    "RunCancelled",
    "RunCancelledForGood",
    "RunError",
    "RunFailed",
    "RunFailedForGood",
    "RunGroupDrift",
    "RunGroupError",
    "RunGroupExists",
    "RunGroupGone",
    "RunGroupInUse",
    "RunSettingsUnreadable",
    "SamplesheetInvalid",
    "SamplesheetUnreadable",
    "StartTimeout",
    "Throttled",
    "ValidationFailed",
    "WaitTimeout",
    "WorkflowDrift",
    "WorkflowError",
    "WorkflowExists",
    "WorkflowFailed",
    "WorkflowFailedForGood",
    "WorkflowGone",
    "WorkflowHasVersions",
    "WorkflowVersionDiffers",
]
