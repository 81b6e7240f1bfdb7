"""What AWS's reasons for a failed run mean, as data: whose they most likely are, what happened, and what to do.

Reasons: https://docs.aws.amazon.com/omics/latest/dev/workflows-run-errors.html. What is saved after which of them:
https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-startrun.html. Owners and actions are this project's
judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Owner = Literal["the author of the workflow", "the operator of the AWS account", "AWS"]
AUTHOR: Owner = "the author of the workflow"
OPERATOR: Owner = "the operator of the AWS account"
AWS: Owner = "AWS"


@dataclass(frozen=True)
class Reason:
    """One value of ``failureReason``."""

    owner: Owner
    """Whose it most likely is."""
    cause: str
    """What happened, in a sentence."""
    action: str
    """What to do, in a sentence."""
    heals: bool = True
    """Whether the same request may succeed later: data may arrive late, and permissions may be granted."""
    saved: bool = True
    """Whether AWS saves what had completed to the run's cache."""

    @property
    def passes(self) -> bool:
        """Whether it goes away without anybody's doing."""
        return self.heals and self.owner == AWS


REASONS: Mapping[str, Reason] = {
    "ASSUME_ROLE_FAILED": Reason(
        OPERATOR,
        "HealthOmics could not take on the run's role.",
        "Let the role's trust policy name omics.amazonaws.com, and check its conditions on source account and ARN.",
    ),
    "CANNOT_START_CONTAINER_ERROR": Reason(
        AUTHOR,
        "A task's container did not start.",
        "Start the image on a Linux machine of the same architecture; it needs bash and a working entry point.",
    ),
    "CANNOT_START_CONTAINER_SIZE_ERROR": Reason(
        AUTHOR,
        "A task's container image is larger than HealthOmics takes (45 GiB, with GPU 95 GiB).",
        "Make the image smaller.",
        heals=False,
    ),
    "ECR_PERMISSION_ERROR": Reason(
        OPERATOR,
        "HealthOmics may not pull a container image.",
        "Check that the repository is in the run's Region, and let its policy allow omics.amazonaws.com to pull.",
    ),
    "EXPORT_FAILED": Reason(
        OPERATOR,
        "The outputs could not be written.",
        "Check that the bucket exists, and that the run's role may write to the output URI and use the bucket's key.",
        saved=False,
    ),
    "FILE_SYSTEM_OUT_OF_SPACE": Reason(
        AUTHOR,
        "The run's file system is full.",
        'Use storage_type="DYNAMIC", or a larger storage_capacity.',
        saved=False,
    ),
    "IMAGE_VERIFICATION_FAILURE": Reason(
        AUTHOR,
        "A container image could not be verified.",
        "Push the image again, and name it by the digest that the repository shows.",
    ),
    "IMPORT_FAILED": Reason(
        OPERATOR,
        "An input could not be read.",
        "Check that the run's role may read it and use its key, and that it is not in an archive class of S3.",
    ),
    "INACTIVE_OMICS_STORAGE_RESOURCE": Reason(
        OPERATOR,
        "A read set among the inputs is archived.",
        "Activate it (StartReadSetActivationJob) before the run.",
    ),
    "INPUT_URI_NOT_FOUND": Reason(
        OPERATOR,
        "An input does not exist, or the run's role may not see it.",
        "Check the URI, the task that writes it, and the role's s3:ListBucket and s3:GetObject.",
    ),
    "INSTANCE_RESERVATION_FAILED": Reason(
        AWS,
        "AWS had no machine of the size that a task needs.",
        "Wait and try again, or let the task ask for less.",
    ),
    "INVALID_ECR_IMAGE_URI": Reason(
        AUTHOR,
        "The address of a container image is malformed.",
        "Correct it: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG.",
        heals=False,
    ),
    "INVALID_TASK_RESOURCE_VALUE": Reason(
        AUTHOR,
        "A task asks for CPUs, memory or GPUs that HealthOmics cannot give.",
        "Correct the task's resources.",
        heals=False,
    ),
    "INVALID_URI_INPUT": Reason(
        AUTHOR,
        "A parameter that should be a URI is malformed.",
        "Correct the parameter.",
        heals=False,
    ),
    "MODIFIED_INPUT_RESOURCE": Reason(
        OPERATOR,
        "An input changed while the run was reading it.",
        "Try again when nothing writes to it any more.",
    ),
    "OUT_OF_MEMORY_ERROR": Reason(
        AUTHOR,
        "A task needed more memory than it had asked for.",
        "Raise the task's memory.",
    ),
    "RUN_TASK_FAILED": Reason(
        AUTHOR,
        "A task's command failed.",
        "Read the end of the task's log. "
        "Exit code 137 most often means too little memory, 127 a command that the image lacks.",
    ),
    "RUN_TIMED_OUT": Reason(
        OPERATOR,
        "The run took longer than its run group or the account allows.",
        "Raise the run group's maxDuration or the quota, or split the workflow.",
        saved=False,
    ),
    "SERVICE_ERROR": Reason(
        AWS,
        "HealthOmics had an error of its own.",
        "Try again; if it stays, give AWS Support the run's ARN.",
    ),
    "TASK_TIMED_OUT": Reason(
        AUTHOR,
        "A task took longer than it is allowed to.",
        "Raise the task's time limit, or give it more CPUs.",
    ),
    "UNSUPPORTED_GPU_INSTANCE_TYPE": Reason(
        AUTHOR,
        "A task asks for a GPU that HealthOmics does not have in this Region.",
        "Choose another accelerator, or another Region.",
        heals=False,
    ),
    "UNSUPPORTED_INPUT_SIZE": Reason(
        AUTHOR,
        "The inputs are larger than HealthOmics takes.",
        "Split the inputs, or take fewer of them.",
        heals=False,
    ),
    "WORKFLOW_RUN_FAILED": Reason(
        AUTHOR,
        "The workflow engine failed outside of any task.",
        "Read the end of the engine's log.",
    ),
    "WORKFLOW_VER_VALIDATION_FAILED": Reason(
        AUTHOR,
        "HealthOmics does not support the version of Nextflow that the workflow asks for.",
        "Ask for a version that AWS's message names, and register the workflow again.",
        heals=False,
    ),
}
"""Every documented reason."""

UNKNOWN = Reason(
    AUTHOR,
    "AWS gave no reason that its documentation explains.",
    "Read AWS's message and the end of the run's logs; if they do not help, give AWS Support the run's ARN.",
)
"""What is said of any other."""


def reason_of(failure_reason: str | None) -> Reason:
    """Return what is known of a ``failureReason``."""
    return REASONS.get(failure_reason or "", UNKNOWN)
