//! The errors that S3 answers with: their codes, the status that usually goes with each, and S3's words for it.

/// An error code of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S3Code(&'static str);

/// Code, usual status, message. Of codes with the same status the first is the usual one.
const KNOWN: [(&str, u16, &str); 30] = [
    (
        "RequestTimeout",
        400,
        "Your socket connection to the server was not read from or written to within the timeout period.",
    ),
    ("BadDigest", 400, "The Content-MD5 you specified did not match what we received."),
    (
        "IncompleteBody",
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    ),
    ("InvalidArgument", 400, "Invalid Argument"),
    ("InvalidDigest", 400, "The Content-MD5 you specified is not valid."),
    ("InvalidPart", 400, "One or more of the specified parts could not be found."),
    ("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed object size."),
    ("ExpiredToken", 400, "The provided token has expired."),
    ("AccessDenied", 403, "Access Denied"),
    (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the server's time is too large.",
    ),
    (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and signing \
         method.",
    ),
    ("InvalidAccessKeyId", 403, "The AWS access key ID you provided does not exist in our records."),
    ("NoSuchKey", 404, "The specified key does not exist."),
    ("NoSuchBucket", 404, "The specified bucket does not exist"),
    (
        "NoSuchUpload",
        404,
        "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have been aborted or completed.",
    ),
    ("MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
    (
        "ConditionalRequestConflict",
        409,
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
    (
        "OperationAborted",
        409,
        "A conflicting conditional operation is currently in progress against this resource. Try again.",
    ),
    ("Gone", 410, "The requested resource is gone."),
    ("MissingContentLength", 411, "You must provide the Content-Length HTTP header."),
    ("PreconditionFailed", 412, "At least one of the preconditions you specified did not hold."),
    ("InvalidRange", 416, "The requested range is not satisfiable"),
    ("TooManyRequests", 429, "Please reduce your request rate."),
    ("InternalError", 500, "We encountered an internal error. Please try again."),
    ("NotImplemented", 501, "A header you provided implies functionality that is not implemented."),
    ("SlowDown", 503, "Please reduce your request rate."),
    ("ServiceUnavailable", 503, "Service is unable to handle request."),
    ("Throttling", 503, "Rate exceeded"),
    ("XMinioServerNotInitialized", 503, "Server not initialized yet, please try again."),
    ("XMinioWriteQuorum", 503, "Multiple disk failures, unable to write data."),
];

impl S3Code {
    /// A server that is at its limit.
    pub const SLOW_DOWN: Self = Self("SlowDown");

    /// The code of this name, if S3 or something like it uses it.
    pub fn find(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, ..)| *known == name).map(|(known, ..)| Self(known))
    }

    /// The code that usually goes with `status`; none where no S3 answers, but a proxy before it.
    pub fn usual(status: u16) -> Option<Self> {
        KNOWN.iter().find(|(_, usual, _)| *usual == status).map(|(known, ..)| Self(known))
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        KNOWN.iter().map(|(known, ..)| *known)
    }

    /// As it stands in the answer.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The status that it usually comes with.
    pub fn status(self) -> u16 {
        KNOWN.iter().find(|(known, ..)| *known == self.0).map_or(500, |(_, status, _)| *status)
    }

    /// S3's words for it.
    pub fn message(self) -> &'static str {
        KNOWN.iter().find(|(known, ..)| *known == self.0).map_or("", |(.., message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_code_of_a_status_is_the_one_that_s3_means() {
        let usual = |status| S3Code::usual(status).map(S3Code::name);
        assert_eq!(usual(500), Some("InternalError"));
        assert_eq!(usual(503), Some("SlowDown"));
        assert_eq!(usual(404), Some("NoSuchKey"));
        assert_eq!(usual(403), Some("AccessDenied"));
        assert_eq!(usual(412), Some("PreconditionFailed"));
        assert_eq!(usual(502), None);
        assert_eq!(S3Code::find("SlowDown"), Some(S3Code::SLOW_DOWN));
    }

    #[test]
    fn each_code_is_known_once() {
        for name in S3Code::names() {
            assert_eq!(S3Code::names().filter(|other| *other == name).count(), 1, "{name}");
            assert_eq!(S3Code::find(name).map(S3Code::name), Some(name));
        }
    }
}
