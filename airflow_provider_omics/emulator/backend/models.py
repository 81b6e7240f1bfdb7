"""The backend as moto wants it: one object for each account and region, here all with one store."""

from __future__ import annotations

from typing import ClassVar

from moto.core.base_backend import BackendDict, BaseBackend

from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.store import Store


class OmicsBackend(BaseBackend):
    """HealthOmics of one account in one region; the store keeps accounts and regions apart by itself."""

    store: ClassVar[Store] = Store(neighbours=MotoNeighbours())
    """What ``mock_aws`` answers from: set faults, plans and the clock here."""

    def reset(self) -> None:
        """Drop everything, as moto does before and after ``mock_aws``."""
        self.store.reset()


omics_backends: BackendDict[OmicsBackend] = BackendDict(OmicsBackend, "omics")
