version 1.1

workflow germline {
    input {
        String sample
        File reads
    }
    call count_reads { input: reads }
    output {
        Int reads_of_sample = count_reads.number
    }
}

task count_reads {
    input {
        File reads
    }
    command <<<
        echo $(( $(wc -l < "~{reads}") / 4 ))
    >>>
    output {
        Int number = read_int(stdout())
    }
    runtime {
        container: "123456789012.dkr.ecr.us-east-1.amazonaws.com/coreutils:9.1"
    }
}
