"""What no log, error or XCom may hold is taken out, in every form, and ordinary text stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import boto3
import pytest
from botocore.config import Config
from botocore.signers import CloudFrontSigner

from airflow_provider_omics.redaction import (
    CREDENTIALS,
    HEADER,
    LONGEST,
    MASK,
    holds_credentials,
    one_line,
    redacted,
    redacted_json,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
"""AWS's own example of a secret key: https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html."""


def signed_by_boto3(version: str) -> str:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key=SECRET,
        aws_session_token="FwoGZXIvYXdzEXAMPLE//token==",
        config=Config(signature_version=version),
    )
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": "reads", "Key": "NA12878.bam"})
    return url


def signed_for_cloudfront() -> str:
    signer = CloudFrontSigner("K2JCJMDEHXQW5F", lambda message: b"\xfb\xef signature of " + message)
    policy = signer.build_policy("https://d111111abcdef8.cloudfront.net/x.bam", datetime(2030, 1, 1, tzinfo=UTC))
    url: str = signer.generate_presigned_url("https://d111111abcdef8.cloudfront.net/x.bam", policy=policy)
    return url


URLS = {
    "S3, version 4": signed_by_boto3("s3v4"),
    "S3, version 2": signed_by_boto3("s3"),
    "CloudFront": signed_for_cloudfront(),
    "Azure": (
        "https://lab.blob.core.windows.net/reads/x.bam?sv=2022-11-02&se=2030-01-01T00%3A00%3A00Z&sr=b&sp=r"
        "&sig=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6%3D"
    ),
    "Google, version 4": (
        "https://storage.googleapis.com/reads/x.bam?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=omics%40lab.iam"
        ".gserviceaccount.com%2F20300101%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Expires=60&X-Goog-Signature=5ec2e75ec2e7"
    ),
    "Google, version 2": (
        "https://storage.googleapis.com/reads/x.bam?GoogleAccessId=omics%40lab.iam.gserviceaccount.com&Expires=1893456000"
        "&Signature=c2VjcmV0%2Bc2VjcmV0%2Fc2VjcmV0"
    ),
    "a password": "https://jane:pa%2Fss%40word@ftp.example.org/x.bam",
    "a password with an at sign": "https://jane:pa@ss:word@ftp.example.org/x.bam",
    "a token for a user": "https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/lab/pipeline",
}
"""URLs that are a key to data, as their makers write them."""

KEPT = {"X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Goog-Algorithm", "X-Goog-Expires"}
KEPT |= {"Expires", "sv", "se", "sr", "sp"}
"""Parameters of such URLs that no credential is in: they say until when it holds, for what and how it was made."""


def secrets_of(url: str) -> list[str]:
    """Return what of a URL must not be read by anybody."""
    address, _, query = url.partition("?")
    user = address.partition("://")[2].rpartition("@")[0]
    pairs = (pair.partition("=") for pair in query.split("&"))
    return [text for text in (user, *(value for name, _, value in pairs if name not in KEPT)) if text]


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda url: url,
    "in a sentence": lambda url: f"403 at {url}, says curl",
    "in quotes": lambda url: f"could not fetch '{url}'",
    "encoded": lambda url: f"https://proxy.example.org/?to={quote(url, safe='')}&then=stop",
    "encoded twice": lambda url: quote(quote(url, safe=""), safe=""),
    "in JSON": lambda url: json.dumps({"reads": [url], "depth": 30}),
    "in JSON of Java": lambda url: json.dumps({"reads": url}).replace("&", "\\u0026").replace("=", "\\u003d"),
    "in JSON of PHP": lambda url: json.dumps({"reads": url}).replace("/", "\\/"),
    "in JSON in JSON": lambda url: json.dumps({"body": json.dumps({"reads": url})}),
    "in XML": lambda url: f"<Reads>{url.replace('&', '&amp;')}</Reads>",
    "behind a line break of JSON": lambda url: json.dumps(f"first\n{url}\nlast"),
    "as Python writes it": lambda url: repr({"reads": url.encode()}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", URLS)
def test_a_url_that_is_a_key_to_data(kind: str, form: str) -> None:
    url = URLS[kind]
    text = FORMS[form](url)
    left = redacted(text)
    for secret in secrets_of(url):
        for written in (secret, quote(secret, safe=""), quote(quote(secret, safe=""), safe="")):
            assert written not in left
    assert MASK in left
    assert redacted(left) == left, "what is redacted stays as it is"
    assert holds_credentials(text)
    ends = {"encoded": "&then=stop", "in a sentence": ", says curl", "in JSON": '"depth": 30}', "in XML": "</Reads>"}
    assert left.endswith(ends.get(form, ""))


def test_what_a_url_is_about_can_still_be_read() -> None:
    left = redacted(URLS["S3, version 4"])
    assert left.startswith("https://reads.s3.amazonaws.com/NA12878.bam?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert "X-Amz-Expires=3600" in left
    assert redacted(URLS["a password"]) == f"https://{MASK}@ftp.example.org/x.bam"


WRITTEN = {
    "an assignment": "{name}={value} next",
    "of a shell": "export {name}='{value}'",
    "of an INI file": "{name} = {value}",
    "of YAML": "{name}: {value}",
    "a header": "> {name}: {value}\r\n> Host: b",
    "of JSON": '{{"{name}": "{value}", "next": 1}}',
    "of JSON in JSON": '{{\\"{name}\\":\\"{value}\\"}}',
    "of Python": "{{'{name}': b'{value}'}}",
    "of Groovy": 'aws {{ {name} = "{value}" }}',
    "of Go": "map[{name}:[{value}] Host:[b]]",
    "of Ruby": '"{name}"=>"{value}"',
    "of XML": "<{name}>{value}</{name}>",
    "a list of JSON": '{{"{name}": ["{value}"]}}',
    "encoded": "%22{name}%22%3A%22{value}%22%2C%22next%22",
    "a list of JSON with white space": '{{"{name}": [\n    "{value}"\n  ], "next": [ "1" ]}}',
    "a short list with white space": '{{"{name}": [ "{value}" ]}}',
    "of JSON on a line of its own": '{{"{name}":\r\n\t"{value}"}}',
    "with many spaces": f"{{name}}{' ' * 40}={' ' * 40}{{value}}",
}
NAMES = [
    *("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWSAccessKeyId"),
    *("SecretAccessKey", "SessionToken", "secretKey", "accessKey", "fs.s3a.secret.key", "TF_VAR_aws_secret_access_key"),
    *("x-amz-security-token", "X-Amz-Signature", "x-amz-server-side-encryption-customer-key", "Authorization"),
    *("Proxy-Authorization", "CloudFront-Signature", "CloudFront-Policy", "Key-Pair-Id", "AccountKey"),
    *("GoogleAccessId", "X-Goog-Signature"),
    *CREDENTIALS,
    HEADER,
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("name", NAMES)
def test_a_credential_by_its_name(name: str, written: str) -> None:
    value = quote(SECRET, safe="") if written == "encoded" else SECRET
    text = WRITTEN[written].format(name=name, value=value)
    left = redacted(text)
    if name.lower().endswith(HEADER) and written == "an assignment":  # a header goes to the end of its line
        value += " next"
    assert left == text.replace(value, MASK)
    assert redacted(left) == left


AGAIN: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "in JSON": json.dumps,
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "encoded": quote,
    "encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "as a form": quote_plus,
    "as a form in a form": lambda text: quote_plus(quote_plus(text)),
    "in JSON, encoded": lambda text: quote(json.dumps(text)),
}


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize(
    "written",
    [
        json.dumps({"{name}": ["S3CRET"], "next": 1}, indent=2),
        json.dumps({"{name}": "S3CRET", "next": 1}, indent="\t"),
        '"{name}":\n"S3CRET"',
        '"{name}" : [ "S3CRET" ]',
        "{name} = S3CRET",
        f"{{name}} ={' ' * 60}S3CRET",
        "<{name}>\n  S3CRET\n</{name}>",
    ],
)
@pytest.mark.parametrize("name", ["SecretAccessKey", "aws_session_token", "Authorization"])
def test_white_space_around_a_credential(name: str, written: str, again: str) -> None:
    left = redacted(AGAIN[again](written.replace("{name}", name)))
    assert "S3CRET" not in left
    assert MASK in left
    assert redacted(left) == left


def test_a_name_in_the_place_of_a_value_does_not_hide_its_own_value() -> None:
    for between in ("=  ", ":\n", ': "'):
        assert "S3CRET" not in redacted(f'x-amz-security-token{between}"secret_key": "S3CRET"')
    assert "S3CRET" not in redacted("X-Amz-Signature= Authorization: Bearer S3CRET")


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("before", ["header: ", "<header>\n", "header=", '{"header": "', '["', "header =\n\t"])
@pytest.mark.parametrize("name", ["SecretAccessKey", "Authorization"])
def test_a_name_behind_another_name(name: str, before: str, again: str) -> None:
    assert "S3CRET" not in redacted(AGAIN[again](f"{before}{name}=S3CRET"))


@pytest.mark.parametrize("digest", ["5ec2e701" * 8, "c2VjcmV0c2VjcmV0c2VjcmV0c2U="])
@pytest.mark.parametrize("name", ["Signature", "sig", "policy"])
def test_a_digest_behind_a_word(name: str, digest: str) -> None:
    assert redacted(f"host, {name}={digest} next") == f"host, {name}={MASK} next"
    assert redacted(f"host, {name}={digest[:12]} next") == f"host, {name}={digest[:12]} next"


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer eyJhbGciOi.SECRET.x",
        "authorization: Basic SECRET==",
        "Authorization: AWS AKIAIOSFODNN7EXAMPLE:SECRET=",
        "Authorization: AWS4-HMAC-SHA256 Credential=SECRET/20300101/us-east-1/omics/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=SECRET",
        "{'Authorization': b'AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=SECRET', 'Host': b'b'}",
        "curl -H 'Authorization: Bearer SECRET' https://b/k",
        "Authorization%3A%20Bearer%20SECRET%0D%0AHost%3A%20b",
        "Authorization=Bearer SECRET",
        'Authorization: Token token="SECRET"',
        'Authorization: OAuth realm="r", oauth_token="SECRET", oauth_signature="SECRET"',
        "Authorization: Digest username='u', response='SECRET'",
        "Authorization: Bearer <SECRET>",
        "Authorization: Bearer [x] & SECRET",
        "\"Authorization\": Token token='SECRET'",
        """curl -H 'Authorization: Token token="SECRET"' https://b/k""",
        'curl -H "Authorization: Token token=\\"SECRET\\"" https://b/k',
        "map[Authorization:[Digest response='SECRET', x] Host:[b]]",
        "<Authorization>Digest response='SECRET'</Authorization>",
        *(
            write({"Authorization": 'Digest username="it\'s", response="SECRET"', "Host": "b"})
            for write in (json.dumps, str, lambda value: json.dumps(json.dumps(value)))
        ),
        *(
            quote(json.dumps({"Authorization": 'Digest username="u", response="SECRET"'}), safe=each)
            for each in ("", " ")
        ),
        quote('Authorization: Token token="SECRET"', safe=""),
        json.dumps({"request": 'Authorization: Token token="SECRET"\r\nHost: b'}),
    ],
)
def test_a_header_is_taken_out_to_the_end_of_its_line(header: str) -> None:
    left = redacted(f"{header}\nHost: b")
    assert "SECRET" not in left
    assert left.endswith("\nHost: b")
    assert redacted(left) == left
    if "curl" in header:
        assert re.match(r"curl -H (['\"])Authorization: \[redacted\]\1 https://b/k", left)
    if header.startswith(("{", '"{')):
        assert re.search(r"Host[\\\"']+: ?b?[\\\"']+b[\\\"']|\\r\\nHost: b\"", left)


ORDINARY = [
    "s3://amzn-s3-demo-bucket/reads/NA12878_S1_L001_R1_001.fastq.gz",
    "s3://bucket/key?versionId=3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/samtools@sha256:" + "9b7c1d2e" * 8,
    "docker://ubuntu:22.04@sha256:" + "9b7c1d2e" * 8,
    "d41d8cd98f00b204e9800998ecf8427e  NA12878.bam",
    'ETag: "1B2M2Y8AsgTpgAmY7PhCfg==", "d41d8cd98f00b204e9800998ecf8427e-12"',
    "sig: 0.05; sig=0.01 signature=SBS5 --signature=COSMIC_v3.4_SBS_GRCh38_exome policy: strict",
    '{"sig": 0.01, "signature": "SBS10a", "policy": "retain"}',
    "signatures=/mnt/workflow/outputs/signatures/exome/final",
    "nf-core/sarek/workflows/sarek.nf:12 publishDir = [path: { params.outdir }]",
    "arn:aws:omics:us-east-1:123456789012:run/1234567",
    "arn:aws:iam::123456789012:role/Omics does not exist; is the access key of another account used?",
    "ssh://git@github.com/nf-core/sarek, mail jane@example.org",
    "https://www.ncbi.nlm.nih.gov/sra/?term=SRR000001&format=text#run:1",
    "https://us-east-1.console.aws.amazon.com/omics/home?region=us-east-1#/runs/3456789",
    "@RG\\tID:foo\\tSM:NA12878 chr1:100-200 se=0.1 sp=0.99 sv=DEL Expires: never key=value token: 3",
    "ERROR ~ No such variable: Authorization",
    "Ärzteblatt, 二項, \u00a0 \t tab, 100 %, 50%25, a%2Fb, \\u0041, C:\\data\\x",
    "X-Amz-Expires=60&X-Amz-Date=20300101T000000Z&X-Amz-SignedHeaders=host",
    "X-Amz-Signature=&Authorization: ",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    for written in (text, quote(text, safe=""), json.dumps(text), json.dumps({"log": json.dumps([text])})):
        assert redacted(written) == written
        assert one_line(written) == written
    assert redacted_json({text: [text]}) == {text: [text]}


def test_what_follows_an_empty_element_of_xml_stays() -> None:
    for text in ("<Authorization></Authorization> is empty", "<SecretKey><\\/SecretKey>\nis empty"):
        assert redacted(text) == text


def test_a_text_is_looked_at_to_a_bound() -> None:
    words = "word " * (LONGEST // 5)
    text = redacted(words + "more X-Amz-Signature=5ec2e7")
    assert len(text) <= LONGEST
    assert text.endswith("word… (83 more characters)")


def test_what_is_left_of_a_credential_that_was_cut_is_left_out() -> None:
    url = "https://jane:S3CRET" + "T" * 100 + "@b/k"
    for before in range(LONGEST - 90, LONGEST - 60):
        assert "S3CRET" not in redacted("\n" * before + url)
    assert "S3CRET" not in redacted(url.replace("T@", "T" * LONGEST + "@"))
