//! What S3 refuses to do, with its codes and its own words. The status that goes with a code is known to `s3s`.

use s3s::{S3Error, S3ErrorCode};
use thiserror::Error;

/// Why a request was not carried out. Its text is what S3 says in the message of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// 404.
    #[error("The specified bucket does not exist")]
    NoSuchBucket,
    /// 404.
    #[error("The specified key does not exist.")]
    NoSuchKey,
    /// 404.
    #[error(
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )]
    NoSuchUpload,
    /// 412.
    #[error("At least one of the pre-conditions you specified did not hold")]
    PreconditionFailed,
    /// 304.
    #[error("Not Modified")]
    NotModified,
    /// 400.
    #[error("The Content-MD5 you specified did not match what we received.")]
    BadDigest,
    /// 400.
    #[error("The checksum you specified did not match what we received.")]
    BadChecksum,
    /// 400.
    #[error("The Content-MD5 you specified is not valid.")]
    InvalidDigest,
    /// 400.
    #[error("Your proposed upload exceeds the maximum allowed size")]
    EntityTooLarge,
    /// 400.
    #[error("Your proposed upload is smaller than the minimum allowed size")]
    EntityTooSmall,
    /// 400.
    #[error(
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    )]
    InvalidPart,
    /// 400.
    #[error("The list of parts was not in ascending order. Parts must be ordered by part number.")]
    InvalidPartOrder,
    /// 416.
    #[error("The requested range is not satisfiable")]
    InvalidRange,
    /// 400.
    #[error("Your metadata headers exceed the maximum allowed metadata size")]
    MetadataTooLarge,
    /// 400.
    #[error("Your key is too long")]
    KeyTooLong,
    /// 409.
    #[error("Your previous request to create the named bucket succeeded and you already own it.")]
    BucketAlreadyOwnedByYou,
    /// 409.
    #[error("The bucket you tried to delete is not empty")]
    BucketNotEmpty,
    /// 400.
    #[error("You have attempted to create more buckets than allowed")]
    TooManyBuckets,
    /// 400.
    #[error("You did not provide the number of bytes specified by the Content-Length HTTP header")]
    IncompleteBody,
    /// 400.
    #[error("The XML you provided was not well-formed or did not validate against our published schema")]
    MalformedXml,
    /// 400, and why.
    #[error("{0}")]
    InvalidArgument(&'static str),
    /// 501, and what.
    #[error("{0}")]
    NotImplemented(&'static str),
    /// 400: a bound of this store, which S3 does not have.
    #[error("This store keeps no more objects or uploads")]
    Full,
}

impl Refusal {
    /// Under which code it is known.
    pub fn code(self) -> S3ErrorCode {
        match self {
            Self::NoSuchBucket => S3ErrorCode::NoSuchBucket,
            Self::NoSuchKey => S3ErrorCode::NoSuchKey,
            Self::NoSuchUpload => S3ErrorCode::NoSuchUpload,
            Self::PreconditionFailed => S3ErrorCode::PreconditionFailed,
            Self::NotModified => S3ErrorCode::NotModified,
            Self::BadDigest | Self::BadChecksum => S3ErrorCode::BadDigest,
            Self::InvalidDigest => S3ErrorCode::InvalidDigest,
            Self::EntityTooLarge => S3ErrorCode::EntityTooLarge,
            Self::EntityTooSmall => S3ErrorCode::EntityTooSmall,
            Self::InvalidPart => S3ErrorCode::InvalidPart,
            Self::InvalidPartOrder => S3ErrorCode::InvalidPartOrder,
            Self::InvalidRange => S3ErrorCode::InvalidRange,
            Self::MetadataTooLarge => S3ErrorCode::MetadataTooLarge,
            Self::KeyTooLong => S3ErrorCode::KeyTooLongError,
            Self::BucketAlreadyOwnedByYou => S3ErrorCode::BucketAlreadyOwnedByYou,
            Self::BucketNotEmpty => S3ErrorCode::BucketNotEmpty,
            Self::TooManyBuckets => S3ErrorCode::TooManyBuckets,
            Self::IncompleteBody => S3ErrorCode::IncompleteBody,
            Self::MalformedXml => S3ErrorCode::MalformedXML,
            Self::InvalidArgument(_) => S3ErrorCode::InvalidArgument,
            Self::NotImplemented(_) => S3ErrorCode::NotImplemented,
            Self::Full => S3ErrorCode::InvalidRequest,
        }
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        S3Error::with_message(refusal.code(), refusal.to_string())
    }
}
