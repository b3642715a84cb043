"""What boto3 sees of `squall serve-s3`.

Without arguments: prints the names of the cases. With a name and a URL: runs that case, on a server that has the bucket
`shares` and nothing in it.
"""

import base64
import hashlib
import io
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1 << 20


def client(endpoint, secret="secret", **config):
    config = Config(s3={"addressing_style": "path"}, **config)
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="me",
        aws_secret_access_key=secret,
        config=config,
    )


def refused(call, **arguments):
    """The status and the code of a request that fails."""
    try:
        call(Bucket="shares", **arguments)
    except ClientError as error:
        answer = error.response
        assert answer["ResponseMetadata"]["RequestId"], answer
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
    raise AssertionError("it was done")


def put_get_head_and_delete(endpoint):
    s3 = client(endpoint)
    key = "a folder/größe+1 &=%.txt"
    put = s3.put_object(
        Bucket="shares", Key=key, Body=b"hello", ContentType="text/plain", Metadata={"who": "me", "a": "b"}
    )
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"', put
    got = s3.get_object(Bucket="shares", Key=key)
    assert got["Body"].read() == b"hello"
    assert (got["Metadata"], got["ContentType"]) == ({"who": "me", "a": "b"}, "text/plain"), got
    part = s3.get_object(Bucket="shares", Key=key, Range="bytes=1-3")
    assert (part["Body"].read(), part["ContentRange"]) == (b"ell", "bytes 1-3/5"), part
    head = s3.head_object(Bucket="shares", Key=key)
    assert (head["ContentLength"], head["ETag"], head["Metadata"]) == (5, put["ETag"], got["Metadata"]), head
    assert head["LastModified"] == got["LastModified"]
    s3.delete_object(Bucket="shares", Key=key)
    s3.delete_object(Bucket="shares", Key=key)
    assert refused(s3.get_object, Key=key) == (404, "NoSuchKey")
    assert refused(s3.head_object, Key=key) == (404, "404")


def listing_by_pages(endpoint):
    s3 = client(endpoint)
    keys = sorted(f"{folder}/{n:03}" for folder in ("a", "b c", "d+&") for n in range(40)) + ["top"]
    for key in keys:
        s3.put_object(Bucket="shares", Key=key, Body=b"x")
    for operation in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(operation).paginate(Bucket="shares", PaginationConfig={"PageSize": 7})
        assert [o["Key"] for page in pages for o in page["Contents"]] == keys
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket="shares", Delimiter="/", PaginationConfig={"PageSize": 2}
            )
        )
        prefixes = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
        assert prefixes == ["a/", "b c/", "d+&/"], prefixes
        assert [o["Key"] for page in pages for o in page.get("Contents", [])] == ["top"]
    page = s3.list_objects_v2(Bucket="shares", Prefix="b c/", StartAfter="b c/037")
    assert [o["Key"] for o in page["Contents"]] == ["b c/038", "b c/039"]
    assert s3.list_objects_v2(Bucket="shares", Prefix="nothing")["KeyCount"] == 0


def copying_and_deleting_many(endpoint):
    s3 = client(endpoint)
    s3.put_object(Bucket="shares", Key="from here", Body=b"x", Metadata={"who": "me"})
    s3.copy_object(Bucket="shares", Key="to", CopySource={"Bucket": "shares", "Key": "from here"})
    assert s3.get_object(Bucket="shares", Key="to")["Metadata"] == {"who": "me"}
    s3.copy_object(
        Bucket="shares",
        Key="to",
        CopySource={"Bucket": "shares", "Key": "from here"},
        MetadataDirective="REPLACE",
        Metadata={"who": "you"},
    )
    assert s3.get_object(Bucket="shares", Key="to")["Metadata"] == {"who": "you"}
    source = {"Bucket": "shares", "Key": "nothing"}
    assert refused(s3.copy_object, Key="to", CopySource=source) == (404, "NoSuchKey")
    gone = {"Objects": [{"Key": "to"}, {"Key": "from here"}, {"Key": "nothing"}]}
    deleted = s3.delete_objects(Bucket="shares", Delete=gone)
    assert len(deleted["Deleted"]) == 3 and "Errors" not in deleted, deleted
    assert s3.list_objects_v2(Bucket="shares")["KeyCount"] == 0


def multipart(endpoint):
    s3 = client(endpoint)
    parts = [bytes([n]) * size for n, size in ((1, 5 * MIB), (2, 5 * MIB), (3, 17))]
    upload = s3.create_multipart_upload(Bucket="shares", Key="big", Metadata={"who": "me"})["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        answer = s3.upload_part(Bucket="shares", Key="big", UploadId=upload, PartNumber=number, Body=part)
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert refused(s3.head_object, Key="big")[0] == 404
    listed = s3.list_parts(Bucket="shares", Key="big", UploadId=upload)["Parts"]
    assert [part["Size"] for part in listed] == [len(part) for part in parts]
    assert s3.list_multipart_uploads(Bucket="shares")["Uploads"][0]["UploadId"] == upload
    wrong = {"Parts": [done[1], done[0]]}
    complete = {"Key": "big", "UploadId": upload}
    assert refused(s3.complete_multipart_upload, MultipartUpload=wrong, **complete) == (400, "InvalidPartOrder")
    answer = s3.complete_multipart_upload(Bucket="shares", MultipartUpload={"Parts": done}, **complete)
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert answer["ETag"] == f'"{digest}-3"', answer
    got = s3.get_object(Bucket="shares", Key="big")
    assert got["Body"].read() == b"".join(parts) and got["Metadata"] == {"who": "me"}
    assert refused(s3.abort_multipart_upload, **complete) == (404, "NoSuchUpload")
    other = s3.create_multipart_upload(Bucket="shares", Key="other")["UploadId"]
    s3.upload_part_copy(
        Bucket="shares",
        Key="other",
        UploadId=other,
        PartNumber=1,
        CopySource="shares/big",
        CopySourceRange="bytes=0-9",
    )
    s3.abort_multipart_upload(Bucket="shares", Key="other", UploadId=other)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="shares")


def long_files_go_up_in_parts(endpoint):
    s3 = client(endpoint)
    content = bytes(range(256)) * (20 * MIB // 256)
    s3.upload_fileobj(io.BytesIO(content), "shares", "long")
    out = io.BytesIO()
    s3.download_fileobj("shares", "long", out)
    assert out.getvalue() == content
    assert s3.head_object(Bucket="shares", Key="long")["ETag"].endswith('-3"')


def conditions(endpoint):
    s3 = client(endpoint)
    first = s3.put_object(Bucket="shares", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, Key="k", Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
    second = s3.put_object(Bucket="shares", Key="k", Body=b"2", IfMatch=first)["ETag"]
    assert refused(s3.put_object, Key="k", Body=b"3", IfMatch=first) == (412, "PreconditionFailed")
    assert refused(s3.put_object, Key="other", Body=b"3", IfMatch=first) == (404, "NoSuchKey")
    assert refused(s3.get_object, Key="k", IfMatch=first) == (412, "PreconditionFailed")
    assert refused(s3.get_object, Key="k", IfNoneMatch=second) == (304, "304")
    assert s3.get_object(Bucket="shares", Key="k", IfMatch=second)["Body"].read() == b"2"


def digests(endpoint):
    s3 = client(endpoint)
    md5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket="shares", Key="k", Body=b"x", ContentMD5=md5)
    assert refused(s3.put_object, Key="k", Body=b"y", ContentMD5=md5) == (400, "BadDigest")
    assert refused(s3.put_object, Key="k", Body=b"y", ContentMD5="nonsense") == (400, "InvalidDigest")
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket="shares", Key="k", Body=b"x", ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket="shares", Key="k", ChecksumMode="ENABLED")
        assert got["Body"].read() == b"x" and got[f"Checksum{algorithm}"], got
    assert refused(s3.put_object, Key="k", Body=b"y", ChecksumCRC32="AAAAAA==") == (400, "BadDigest")


def buckets(endpoint):
    s3 = client(endpoint)
    s3.create_bucket(Bucket="another")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["another", "shares"]
    s3.head_bucket(Bucket="another")
    assert s3.get_bucket_location(Bucket="another")["LocationConstraint"] is None
    s3.put_object(Bucket="another", Key="k", Body=b"")
    try:
        s3.delete_bucket(Bucket="another")
        raise AssertionError("it was not empty")
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "BucketNotEmpty", error
    s3.delete_object(Bucket="another", Key="k")
    s3.delete_bucket(Bucket="another")
    try:
        s3.list_objects_v2(Bucket="another")
        raise AssertionError("it is gone")
    except s3.exceptions.NoSuchBucket:
        pass


def errors(endpoint):
    s3 = client(endpoint)
    assert refused(s3.put_object, Key="k" * 1025, Body=b"") == (400, "KeyTooLongError")
    assert refused(s3.put_object, Key="k", Body=b"", Metadata={"a": "b" * 3000}) == (400, "MetadataTooLarge")
    s3.put_object(Bucket="shares", Key="k", Body=b"123")
    assert refused(s3.get_object, Key="k", Range="bytes=7-9") == (416, "InvalidRange")
    s3 = client(endpoint, secret="another")
    assert refused(s3.get_object, Key="k") == (403, "SignatureDoesNotMatch")


def faults_are_repeated_by_boto3_itself(endpoint):
    s3 = client(endpoint, retries={"mode": "standard", "total_max_attempts": 4})
    answer = s3.put_object(Bucket="shares", Key="k", Body=b"x")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2, answer
    assert s3.get_object(Bucket="shares", Key="k")["Body"].read() == b"x"


CASES = {
    case.__name__: case
    for case in (
        put_get_head_and_delete,
        listing_by_pages,
        copying_and_deleting_many,
        multipart,
        long_files_go_up_in_parts,
        conditions,
        digests,
        buckets,
        errors,
        faults_are_repeated_by_boto3_itself,
    )
}

if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("\n".join(CASES))
    else:
        CASES[sys.argv[1]](sys.argv[2])
