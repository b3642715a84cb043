//! What a request to a bucket is about: its kind, and the key or prefix. Answers nothing.

use http::{Method, Request};
use lafs::format::ShareNum;

use crate::schedule::RequestKind;
use crate::trace;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// None for what is about buckets as such.
    pub(super) kind: Option<RequestKind>,
    /// The key, or the prefix of a listing; empty for what is about many keys or about none.
    pub(super) key: String,
}

impl Ask {
    /// What a request to `/bucket/key` is about.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = request.uri().query().unwrap_or_default();
        let field = |name: &str| {
            query.split('&').find_map(|pair| {
                let (known, value) = pair.split_once('=').unwrap_or((pair, ""));
                (known == name).then_some(value)
            })
        };
        let has = |name| field(name).is_some();
        let parts = has("uploadId") || has("uploads");
        let kind = match (request.method(), key) {
            _ if bucket.is_empty() => None,
            (&Method::GET, "") if has("location") || has("versioning") => None,
            (&Method::GET, "") => {
                let prefix = decoded(field("prefix").unwrap_or_default(), true);
                return Self { kind: Some(RequestKind::List), key: prefix };
            }
            (&Method::POST, "") if has("delete") => Some(RequestKind::Delete),
            (_, "") => None,
            _ if parts || request.headers().contains_key("x-amz-copy-source") => Some(RequestKind::Multipart),
            (&Method::PUT, _) => Some(RequestKind::Put),
            (&Method::GET, _) => Some(RequestKind::Get),
            (&Method::HEAD, _) => Some(RequestKind::Head),
            (&Method::DELETE, _) => Some(RequestKind::Delete),
            _ => None,
        };
        Self { kind, key: decoded(key, false) }
    }

    /// As it stands in the trace.
    pub(super) fn request(&self) -> trace::Request {
        let Some(kind) = self.kind else { return trace::Request::Other };
        let mut parts = self.key.rsplit('/');
        let (share, _, area) = (parts.next(), parts.next(), parts.next());
        let is_share = matches!(area, Some("immutable" | "mutable"));
        let share = share.filter(|_| is_share).and_then(|share| share.parse().ok()).map(ShareNum);
        trace::Request::Object(trace::ObjectRequest { kind, share })
    }
}

/// Without percent signs; what is no UTF-8 then is replaced.
fn decoded(text: &str, plus_is_space: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        let hex = rest.first_chunk::<2>().and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                bytes = &rest[2..];
            }
            (b'+', _) if plus_is_space => {
                out.push(b' ');
                bytes = rest;
            }
            _ => {
                out.push(*first);
                bytes = rest;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, target: &str) -> (Option<RequestKind>, String) {
        let request = Request::builder().method(method).uri(target).body(()).expect("a request");
        let Ask { kind, key } = Ask::of(&request);
        (kind, key)
    }

    #[test]
    fn requests_are_told_by_method_key_and_query() {
        let is = |asked: (Option<RequestKind>, String), kind, key: &str| {
            assert_eq!(asked, (kind, key.to_owned()));
        };
        use RequestKind as K;
        is(ask("PUT", "/grid/s0/mutable/a/0"), Some(K::Put), "s0/mutable/a/0");
        is(ask("GET", "/grid/s0/mutable/a/0?versionId=1"), Some(K::Get), "s0/mutable/a/0");
        is(ask("HEAD", "/grid/a%20b%2"), Some(K::Head), "a b%2");
        is(ask("GET", "/grid?list-type=2&prefix=s0%2Fmutable/"), Some(K::List), "s0/mutable/");
        is(ask("GET", "/grid/?prefix=a+b"), Some(K::List), "a b");
        is(ask("DELETE", "/grid/a"), Some(K::Delete), "a");
        is(ask("POST", "/grid?delete"), Some(K::Delete), "");
        is(ask("POST", "/grid/a?uploads"), Some(K::Multipart), "a");
        is(ask("PUT", "/grid/a?partNumber=1&uploadId=x"), Some(K::Multipart), "a");
        is(ask("GET", "/grid?location"), None, "");
        is(ask("PUT", "/grid"), None, "");
        is(ask("GET", "/"), None, "");
    }

    #[test]
    fn the_key_of_a_share_tells_its_number() {
        let share = |key: &str| {
            let ask = Ask { kind: Some(RequestKind::Get), key: key.to_owned() };
            match ask.request() {
                trace::Request::Object(request) => request.share,
                _ => None,
            }
        };
        assert_eq!(share("s0/mutable/abc/3"), Some(ShareNum(3)));
        assert_eq!(share("immutable/abc/12"), Some(ShareNum(12)));
        assert_eq!(share("s0/leases/abc"), None);
        assert_eq!(share("s0/staged/abc/3"), None);
    }
}
