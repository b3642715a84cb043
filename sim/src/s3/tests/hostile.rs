//! Requests as nobody sends them who means well: every one has an answer, and nothing panics.

use proptest::prelude::*;

use super::*;

const QUERIES: [&str; 14] = [
    "",
    "uploads",
    "uploadId=upload-0000000000000000",
    "uploadId=%FF&partNumber=1",
    "partNumber=99999999999&uploadId=",
    "delete",
    "list-type=2&max-keys=2147483648",
    "list-type=2&continuation-token=AA",
    "list-type=2&delimiter=%00&prefix=%ff",
    "location",
    "acl",
    "X-Amz-Signature=0&X-Amz-Date=never",
    "&&=&%",
    "versionId=1",
];
const HEADERS: [&str; 16] = [
    "range: bytes=18446744073709551615-",
    "range: bytes=-18446744073709551615",
    "range: lines=1-2",
    "if-match: \"",
    "if-none-match: W/\"x\"",
    "if-modified-since: the day before",
    "content-md5: \u{fe}",
    "x-amz-copy-source: /",
    "x-amz-copy-source: shares/%FF",
    "x-amz-copy-source: arn:aws:s3:::x",
    "x-amz-meta-: x",
    "x-amz-meta-\u{7f}: x",
    "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "authorization: AWS nonsense",
    "x-amz-checksum-crc32: x",
    "content-type: multipart/form-data; boundary=x",
];
const BODIES: [&[u8]; 6] = [
    b"",
    b"<Delete><Object><Key>\xff</Key></Object></Delete>",
    b"<CompleteMultipartUpload><Part><PartNumber>-1</PartNumber></Part></CompleteMultipartUpload>",
    b"FFFFFFFFFFFFFFFF;x\r\nab\r\n0\r\n\r\n",
    b"0\r\n:\r\n\r\n",
    b"--x\r\ncontent-disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x--\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn every_request_has_an_answer(
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"]),
        path in prop::sample::select(vec!["/", "//", "/shares", "/shares/", "/shares/a", "/shares//a/", "/no", "/%", "/shares/%FF", "/shares/a%00"]),
        query in prop::sample::select(QUERIES.to_vec()),
        headers in prop::sample::subsequence(HEADERS.to_vec(), 0..4),
        body in prop::sample::select(BODIES.to_vec()),
    ) {
        let store = store();
        store.put("shares", "a", Object::default()).unwrap();
        with(&handler(&store), async |mut wire| {
            let target = format!("{method} {path}?{query}");
            let length = body.len();
            let head = format!("{target} HTTP/1.1\r\nhost: bucket\r\nconnection: close\r\ncontent-length: {length}\r\n{}\r\n",
                headers.iter().map(|line| format!("{line}\r\n")).collect::<String>());
            wire.0.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
            let mut got = Vec::new();
            wire.0.read_to_end(&mut got).await.unwrap();
            assert!(got.starts_with(b"HTTP/1.1 "), "{target} {headers:?}");
        });
    }

    #[test]
    fn chunks_of_any_bytes_are_taken_apart_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let request = http::Request::builder().header("x-amz-content-sha256", "STREAMING-").body(body.into()).unwrap();
        let _ = chunked::unsigned(request);
    }
}
