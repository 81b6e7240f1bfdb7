version 1.1

task count {
    input {
        File text
        String container
    }

    command <<<
        wc -l < "~{text}"
    >>>

    output {
        Int lines = read_int(stdout())
    }

    runtime {
        container: container
        cpu: 1
        memory: "1 GiB"
    }
}
