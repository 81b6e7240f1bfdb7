"""Make the data of ``genome.wdl``: a reference of 3,000 bases, and reads of three samples that differ from it.

``python example_dags/wdl/make_data.py`` writes the same files each time: the seed is fixed.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

SEED = 20260101
SAMPLES = ["NA12878", "NA12891", "NA12892"]
REFERENCE_BASES = 3000
READ_BASES = 100
READS = 180
"""Of each sample: six times the reference."""
VARIANTS = 5
"""Of each sample, besides one that all of them have."""
QUALITY = "I"
BASES = "ACGT"


def make(folder: Path) -> None:
    """Write ``reference.fa`` and a FASTQ file for each sample into a folder."""
    random = Random(SEED)  # noqa: S311
    reference = "".join(random.choices(BASES, k=REFERENCE_BASES))
    lines = [reference[start : start + 60] for start in range(0, REFERENCE_BASES, 60)]
    (folder / "reference.fa").write_text("\n".join([">chr1", *lines, ""]))
    shared = random.randrange(READ_BASES, REFERENCE_BASES - READ_BASES)
    for sample in SAMPLES:
        own = random.sample(range(READ_BASES, REFERENCE_BASES - READ_BASES), VARIANTS)
        genome = list(reference)
        for position in [shared, *own]:
            genome[position] = other(reference[position])
        (folder / f"{sample}.fastq").write_text("".join(reads("".join(genome), sample, random)))


def other(base: str) -> str:
    """Return the base that stands in the place of another one in every variant."""
    return BASES[(BASES.index(base) + 2) % len(BASES)]


def reads(genome: str, sample: str, random: Random) -> list[str]:
    """Return reads of a genome as records of FASTQ."""
    records = []
    for number in range(READS):
        start = random.randrange(len(genome) - READ_BASES + 1)
        records.append(f"@{sample}.{number}\n{genome[start : start + READ_BASES]}\n+\n{QUALITY * READ_BASES}\n")
    return records


if __name__ == "__main__":
    make(Path(__file__).parent)
