//! The URI extension block: the parameters and root hashes of a file, the same in every share.
//!
//! Its own hash is in the capability, so everything in it is as trustworthy as the capability; and as a
//! capability may come from anybody, it is parsed like any other foreign bytes. Readers need three fields;
//! the others, where present, must agree with the capability and with each other.

use thiserror::Error;

use crate::erasure::{Segmentation, SegmentationError};
use crate::format::Encoding;
use crate::format::cap::{ReadCap, VerifyCap};
use crate::format::hash::{Digest, netstring, uri_extension_hash};

/// The longest block taken, in bytes. One with all known fields has about 330; Tahoe's verifier takes
/// less than 2000.
pub const UEB_BYTES_MAX: usize = 1999;

/// Why bytes are not the URI extension block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UriExtensionError {
    /// Longer than [`UEB_BYTES_MAX`].
    #[error("a URI extension block of {0} bytes")]
    TooLong(usize),
    /// It belongs to another capability, or is damaged.
    #[error("URI extension block does not match the capability")]
    WrongHash,
    /// Not a sequence of names and netstrings.
    #[error("malformed URI extension block")]
    Malformed,
    /// A field stands there twice.
    #[error("field {0} of the URI extension block is there twice")]
    Duplicate(Field),
    /// A field that readers need is not there.
    #[error("URI extension block lacks {0}")]
    Missing(Field),
    /// A field is not of its kind: not a number, not 32 bytes.
    #[error("field {0} of the URI extension block is malformed")]
    BadValue(Field),
    /// A field contradicts the capability or another field.
    #[error("field {0} of the URI extension block contradicts the capability")]
    Contradiction(Field),
    /// The segment size does not go with the capability.
    #[error(transparent)]
    Segmentation(#[from] SegmentationError),
}

/// The fields known here, in the order they are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the field of the same name")]
pub enum Field {
    CodecName,
    CodecParams,
    CrypttextHash,
    CrypttextRootHash,
    NeededShares,
    NumSegments,
    SegmentSize,
    ShareRootHash,
    Size,
    TailCodecParams,
    TotalShares,
}

impl Field {
    /// All of them, in the order they are written in.
    pub const ALL: [Self; 11] = [
        Self::CodecName,
        Self::CodecParams,
        Self::CrypttextHash,
        Self::CrypttextRootHash,
        Self::NeededShares,
        Self::NumSegments,
        Self::SegmentSize,
        Self::ShareRootHash,
        Self::Size,
        Self::TailCodecParams,
        Self::TotalShares,
    ];

    /// The name it is written under.
    pub fn name(self) -> &'static str {
        match self {
            Self::CodecName => "codec_name",
            Self::CodecParams => "codec_params",
            Self::CrypttextHash => "crypttext_hash",
            Self::CrypttextRootHash => "crypttext_root_hash",
            Self::NeededShares => "needed_shares",
            Self::NumSegments => "num_segments",
            Self::SegmentSize => "segment_size",
            Self::ShareRootHash => "share_root_hash",
            Self::Size => "size",
            Self::TailCodecParams => "tail_codec_params",
            Self::TotalShares => "total_shares",
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a file's URI extension block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UriExtension {
    /// How the file is cut.
    pub segmentation: Segmentation,
    /// The hash of the whole ciphertext. Writers always give it.
    pub crypttext_hash: Option<Digest>,
    /// The root of the crypttext hash tree.
    pub crypttext_root_hash: Digest,
    /// The root of the share hash tree.
    pub share_root_hash: Digest,
}

impl UriExtension {
    /// The block as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in Field::ALL {
            let Some(value) = self.value(field) else { continue };
            out.extend_from_slice(field.name().as_bytes());
            out.push(b':');
            out.extend(netstring(&value));
        }
        out
    }

    fn value(&self, field: Field) -> Option<Vec<u8>> {
        match field {
            Field::CrypttextHash => self.crypttext_hash.map(|hash| hash.0.to_vec()),
            Field::CrypttextRootHash => Some(self.crypttext_root_hash.0.to_vec()),
            Field::ShareRootHash => Some(self.share_root_hash.0.to_vec()),
            Field::CodecName
            | Field::CodecParams
            | Field::NeededShares
            | Field::NumSegments
            | Field::SegmentSize
            | Field::Size
            | Field::TailCodecParams
            | Field::TotalShares => Some(text_of(self.segmentation, field).into_bytes()),
        }
    }

    /// Bytes of the block of a file cut like this, known before anything is encoded.
    pub fn serialised_len(cut: Segmentation) -> u64 {
        let placeholder = Digest([0; 32]);
        let block = Self {
            segmentation: cut,
            crypttext_hash: Some(placeholder),
            crypttext_root_hash: placeholder,
            share_root_hash: placeholder,
        };
        block.to_bytes().len() as u64
    }

    /// Reads the block of the file that `cap` reads.
    pub fn parse(bytes: &[u8], cap: &ReadCap) -> Result<Self, UriExtensionError> {
        Self::parse_checked(bytes, &cap.ueb_hash, cap.encoding, cap.size)
    }

    /// Reads the block of the file that `cap` verifies.
    pub fn parse_verify(bytes: &[u8], cap: &VerifyCap) -> Result<Self, UriExtensionError> {
        Self::parse_checked(bytes, &cap.ueb_hash, cap.encoding, cap.size)
    }

    fn parse_checked(
        bytes: &[u8],
        expected: &Digest,
        encoding: Encoding,
        size: u64,
    ) -> Result<Self, UriExtensionError> {
        if bytes.len() > UEB_BYTES_MAX {
            return Err(UriExtensionError::TooLong(bytes.len()));
        }
        if uri_extension_hash(bytes) != *expected {
            return Err(UriExtensionError::WrongHash);
        }
        Self::from_fields(&fields(bytes)?, encoding, size)
    }

    fn from_fields(values: &Values<'_>, encoding: Encoding, size: u64) -> Result<Self, UriExtensionError> {
        let needed = |field: Field| values[field as usize].ok_or(UriExtensionError::Missing(field));
        let hash = |field: Field, value: &[u8]| {
            value.try_into().map(Digest).map_err(|_| UriExtensionError::BadValue(field))
        };
        let segment_size = number(needed(Field::SegmentSize)?, Field::SegmentSize)?;
        let segmentation = Segmentation::from_segment_size(size, encoding, segment_size)?;
        let block = Self {
            segmentation,
            crypttext_hash: values[Field::CrypttextHash as usize]
                .map(|value| hash(Field::CrypttextHash, value))
                .transpose()?,
            crypttext_root_hash: hash(Field::CrypttextRootHash, needed(Field::CrypttextRootHash)?)?,
            share_root_hash: hash(Field::ShareRootHash, needed(Field::ShareRootHash)?)?,
        };
        for field in [
            Field::CodecName,
            Field::CodecParams,
            Field::NeededShares,
            Field::NumSegments,
            Field::Size,
            Field::TailCodecParams,
            Field::TotalShares,
        ] {
            if let Some(value) = values[field as usize]
                && value != text_of(segmentation, field).as_bytes()
            {
                return Err(UriExtensionError::Contradiction(field));
            }
        }
        Ok(block)
    }
}

/// What `field` says about a file cut like this; for the hashes, which are about its content, nothing.
fn text_of(cut: Segmentation, field: Field) -> String {
    let (k, n) = (cut.encoding().needed(), cut.encoding().total());
    match field {
        Field::CodecName => "crs".to_owned(),
        Field::CodecParams => format!("{}-{k}-{n}", cut.segment_size()),
        Field::NeededShares => k.to_string(),
        Field::NumSegments => cut.segments().to_string(),
        Field::SegmentSize => cut.segment_size().to_string(),
        Field::Size => cut.size().to_string(),
        Field::TailCodecParams => format!("{}-{k}-{n}", cut.tail_padded_size()),
        Field::TotalShares => n.to_string(),
        Field::CrypttextHash | Field::CrypttextRootHash | Field::ShareRootHash => String::new(),
    }
}

/// The value of each known field that is there.
type Values<'a> = [Option<&'a [u8]>; Field::ALL.len()];

fn fields(bytes: &[u8]) -> Result<Values<'_>, UriExtensionError> {
    let mut values = Values::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (name, length, value);
        (name, rest) = split_at_colon(rest)?;
        (length, rest) = split_at_colon(rest)?;
        let length = decimal(length).and_then(|length| usize::try_from(length).ok());
        (value, rest) =
            length.and_then(|length| rest.split_at_checked(length)).ok_or(UriExtensionError::Malformed)?;
        rest = rest.strip_prefix(b",").ok_or(UriExtensionError::Malformed)?;
        let Some(field) = Field::ALL.into_iter().find(|field| field.name().as_bytes() == name) else {
            continue;
        };
        if values[field as usize].replace(value).is_some() {
            return Err(UriExtensionError::Duplicate(field));
        }
    }
    Ok(values)
}

fn split_at_colon(bytes: &[u8]) -> Result<(&[u8], &[u8]), UriExtensionError> {
    let colon = bytes.iter().position(|byte| *byte == b':').ok_or(UriExtensionError::Malformed)?;
    Ok((&bytes[..colon], &bytes[colon + 1..]))
}

fn number(text: &[u8], field: Field) -> Result<u64, UriExtensionError> {
    decimal(text).ok_or(UriExtensionError::BadValue(field))
}

/// A decimal number without sign.
fn decimal(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
