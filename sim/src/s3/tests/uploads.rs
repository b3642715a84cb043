//! Multipart uploads.

use super::*;

const PART: usize = PART_BYTES_MIN;

async fn begin(wire: &mut Wire) -> String {
    let begun = wire.ask("POST /shares/big?uploads", &["x-amz-meta-who: me"], b"").await;
    assert_eq!(begun.status, 200);
    begun.elements("UploadId").pop().unwrap()
}

async fn put(wire: &mut Wire, id: &str, number: u32, body: &[u8]) -> String {
    let put = wire.ask(&format!("PUT /shares/big?partNumber={number}&uploadId={id}"), &[], body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    put.header("etag").unwrap().to_owned()
}

async fn complete(wire: &mut Wire, id: &str, parts: &[(u32, &str)]) -> Reply {
    let part = |(number, etag): &(u32, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", etag.replace('"', "&quot;"))
    };
    let parts: String = parts.iter().map(part).collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    wire.ask(&format!("POST /shares/big?uploadId={id}"), &[], body.as_bytes()).await
}

#[test]
fn parts_become_an_object_at_once() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        let id = begin(&mut wire).await;
        let second = put(&mut wire, &id, 7, &[2; 9]).await;
        put(&mut wire, &id, 3, &[0; 9]).await;
        let first = put(&mut wire, &id, 3, &vec![1; PART]).await;
        assert_eq!(store.get("shares", "big"), None);
        assert_eq!(store.uploads("shares")[0].bytes, 9 + u64::try_from(PART).unwrap());
        let listed = wire.ask(&format!("GET /shares/big?uploadId={id}&max-parts=1"), &[], b"").await;
        assert_eq!(
            (listed.elements("PartNumber"), listed.elements("IsTruncated")),
            (vec!["3".into()], vec!["true".into()])
        );
        let rest = wire.ask(&format!("GET /shares/big?uploadId={id}&part-number-marker=3"), &[], b"").await;
        assert_eq!(
            (rest.elements("PartNumber"), rest.elements("Size")),
            (vec!["7".into()], vec!["9".into()])
        );
        let done = complete(&mut wire, &id, &[(3, &first), (7, &second)]).await;
        assert_eq!(done.status, 200);
        let object = store.get("shares", "big").unwrap();
        // md5sum of the two MD5s, and how many there are.
        let md5s = [digest::md5(&vec![1; PART]), digest::md5(&[2; 9])].concat();
        assert_eq!(object.etag, format!("{}-2", digest::whole_etag(digest::md5(&md5s))));
        assert_eq!(object.content.len(), PART + 9);
        assert_eq!(object.headers["x-amz-meta-who"], "me");
        assert!(store.uploads("shares").is_empty());
        assert_eq!(complete(&mut wire, &id, &[(3, &first)]).await.code(), "NoSuchUpload");
    });
}

#[test]
fn the_tag_of_a_known_upload_is_what_s3_makes_of_it() {
    // MD5 of the MD5 of nothing: as S3 tags an upload of one empty part.
    assert_eq!(digest::joined_etag(&[digest::md5(b"")]), "59adb24ef3cdbe0297f05b395827453f-1");
}

#[test]
fn parts_that_do_not_fit_are_refused_and_the_upload_goes_on() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        let id = begin(&mut wire).await;
        let small = put(&mut wire, &id, 1, b"1").await;
        let last = put(&mut wire, &id, 2, b"2").await;
        let cases: [(&[(u32, &str)], &str); 6] = [
            (&[(2, &last), (1, &small)], "InvalidPartOrder"),
            (&[(1, &small), (1, &small)], "InvalidPartOrder"),
            (&[(1, &small), (2, &last)], "EntityTooSmall"),
            (&[(1, &last)], "InvalidPart"),
            (&[(3, &last)], "InvalidPart"),
            (&[], "MalformedXML"),
        ];
        for (parts, code) in cases {
            let refused = complete(&mut wire, &id, parts).await;
            assert_eq!((refused.status, refused.code().as_str()), (400, code), "{parts:?}");
        }
        for number in ["0", "10001", "-1", "99999999999", "x", ""] {
            let refused =
                wire.ask(&format!("PUT /shares/big?partNumber={number}&uploadId={id}"), &[], b"").await;
            assert!(refused.status == 400, "{number}: {}", refused.text());
        }
        assert_eq!(complete(&mut wire, &id, &[(1, &small)]).await.status, 200);
        let lost = wire.ask("PUT /shares/big?partNumber=1&uploadId=nothing", &[], b"").await;
        assert_eq!((lost.status, lost.code().as_str()), (404, "NoSuchUpload"));
    });
}

#[test]
fn uploads_are_listed_until_they_are_aborted() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        let (first, second) = (begin(&mut wire).await, begin(&mut wire).await);
        let page = wire.ask("GET /shares?uploads&max-uploads=1&prefix=b", &[], b"").await;
        assert_eq!(
            (page.elements("UploadId"), page.elements("NextUploadIdMarker")),
            (vec![first.clone()], vec![first.clone()])
        );
        let rest = format!("GET /shares?uploads&key-marker=big&upload-id-marker={first}");
        assert_eq!(wire.ask(&rest, &[], b"").await.elements("UploadId"), [second.as_str()]);
        for id in [first, second] {
            assert_eq!(wire.ask(&format!("DELETE /shares/big?uploadId={id}"), &[], b"").await.status, 204);
        }
        assert!(wire.ask("GET /shares?uploads", &[], b"").await.elements("UploadId").is_empty());
    });
}

#[test]
fn a_part_can_be_copied() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        wire.ask("PUT /shares/from", &[], b"0123456789").await;
        let id = begin(&mut wire).await;
        let target = format!("PUT /shares/big?partNumber=1&uploadId={id}");
        let headers = ["x-amz-copy-source: shares/from", "x-amz-copy-source-range: bytes=2-4"];
        let copied = wire.ask(&target, &headers, b"").await;
        let etag = copied.elements("ETag").pop().unwrap();
        assert_eq!(complete(&mut wire, &id, &[(1, &etag.replace("&quot;", "\""))]).await.status, 200);
        let headers = ["x-amz-copy-source: shares/from", "x-amz-copy-source-range: nonsense"];
        assert_eq!(wire.ask(&target, &headers, b"").await.status, 400);
    });
    assert_eq!(store.get("shares", "big").unwrap().content, "234");
}
