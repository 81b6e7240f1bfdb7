version 1.1

# A cohort in five tasks: index the reference, align each of three samples, call variants jointly. The tools are Python
# and mappy, so that it runs where the emulator runs; the data beside it is made by make_data.py.

workflow genome {
    input {
        File reference
        Array[File] samples
        String container = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mappy:2.28"
    }

    call index_reference { input: reference, container }

    scatter (reads in samples) {
        call align { input: reads, index = index_reference.index, container }
    }

    call joint_call { input: alignments = align.alignment, container }

    output {
        File variants = joint_call.variants
        Int sites = joint_call.sites
    }
}

task index_reference {
    input {
        File reference
        String container
    }

    command <<<
        set -euo pipefail
        python3 - "~{reference}" reference.mmi <<'PYTHON'
        import sys, mappy
        assert mappy.Aligner(sys.argv[1], preset="sr", fn_idx_out=sys.argv[2]), "the reference cannot be read"
        PYTHON
    >>>

    output {
        File index = "reference.mmi"
    }

    runtime {
        container: container
        cpu: 2
        memory: "4 GiB"
    }
}

task align {
    input {
        File reads
        File index
        String container
    }

    String sample = basename(reads, ".fastq")

    command <<<
        set -euo pipefail
        python3 - "~{index}" "~{reads}" > "~{sample}.paf" <<'PYTHON'
        import sys, mappy
        index, reads = sys.argv[1:]
        aligner = mappy.Aligner(index, preset="sr")
        aligned = 0
        for name, sequence, _ in mappy.fastx_read(reads):
            for hit in aligner.map(sequence, cs=True):
                if hit.is_primary:
                    print(name, hit.ctg, hit.r_st, hit.strand, hit.mapq, hit.cs, sep="\t")
                    aligned += 1
        print(f"{aligned} reads aligned", file=sys.stderr)
        PYTHON
    >>>

    output {
        File alignment = "~{sample}.paf"
    }

    runtime {
        container: container
        cpu: 4
        memory: "8 GiB"
    }
}

task joint_call {
    input {
        Array[File] alignments
        Int min_depth = 3
        String container
    }

    command <<<
        set -euo pipefail
        python3 - ~{min_depth} ~{sep(" ", alignments)} > cohort.vcf <<'PYTHON'
        import collections, os, re, sys
        min_depth, paths = int(sys.argv[1]), sys.argv[2:]
        samples = [os.path.basename(path).removesuffix(".paf") for path in paths]
        seen = collections.defaultdict(collections.Counter)
        for sample, path in zip(samples, paths):
            for line in open(path):
                _, contig, start, _, _, difference = line.rstrip().split("\t")
                position = int(start)
                for operation, argument in re.findall(r"([:*+-])([0-9a-z]+)", difference):
                    if operation == "*":
                        reference, alternative = argument.upper()
                        seen[contig, position + 1, reference, alternative][sample] += 1
                    position += int(argument) if operation == ":" else {"*": 1, "-": len(argument), "+": 0}[operation]
        print("##fileformat=VCFv4.3")
        print("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples, sep="\t")
        for (contig, position, reference, alternative), depths in sorted(seen.items()):
            if max(depths.values()) >= min_depth:
                called = ["1" if depths[sample] >= min_depth else "0" for sample in samples]
                print(contig, position, ".", reference, alternative, ".", "PASS", ".", "GT", *called, sep="\t")
        PYTHON
        grep -cv '^#' cohort.vcf > sites.txt
    >>>

    output {
        File variants = "cohort.vcf"
        Int sites = read_int("sites.txt")
    }

    runtime {
        container: container
        cpu: 4
        memory: "16 GiB"
    }
}
