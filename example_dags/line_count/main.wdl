version 1.1

import "tasks/count.wdl" as tasks

workflow line_count {
    input {
        Array[File] samples
        String container = "public.ecr.aws/docker/library/alpine:3.20"
    }

    parameter_meta {
        samples: "Text files, one for each sample."
        container: "An image with sh and wc."
    }

    scatter (sample in samples) {
        call tasks.count { input: text = sample, container }
    }

    output {
        Array[Int] lines = count.lines
    }
}
