from airflow_provider_omics.operators.run import StartRunOperator

StartRunOperator(
    task_id="germline",
    workflow_id="1234567",
    role_arn="arn:aws:iam::123456789012:role/OmicsRunRole",
    output_uri="s3://amzn-s3-demo-bucket/runs",
    extra_request={"networkingMode": "VPC", "configurationName": "laboratory"},
)
