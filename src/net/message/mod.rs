//! The messages of the storage protocol and their CBOR.
//!
//! Sets are arrays under tag 258, maps are closed (an unknown, missing or repeated key is an error),
//! and everything written is of definite length. A decoder reads only the bytes it was given: it
//! allocates in proportion to them, whatever counts they claim, and nests at most [`DEPTH_MAX`] deep.
//! No HTTP here. The messages that carry data, those of mutable shares, are in `mutable`.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use ciborium::value::{Integer, Value};
use thiserror::Error;

use crate::format::ShareNum;

mod mutable;
mod reader;
#[cfg(test)]
mod tests;
mod trouble;

pub use mutable::{
    READ_BYTES_MAX, READS_MAX, ReadSpan, ReadTestWrite, TESTS_MAX, Test, TestWrite, TestWritten, WRITES_MAX,
    Write,
};
pub use trouble::{TROUBLE_BYTES_MAX, TROUBLE_TEXT_BYTES_MAX, Trouble, clean};

/// How deep a message may nest.
pub const DEPTH_MAX: usize = 16;
/// How many share numbers one message may name.
pub const SHARE_NUMBERS_MAX: usize = 256;
/// The longest reason a corruption report may give, in bytes.
pub const REASON_BYTES_MAX: usize = 32765;

const SET_TAG: u64 = 258;
const VERSION_KEY: &[u8] = b"http://allmydata.org/tahoe/protocols/storage/v1";
const MAXIMUM_IMMUTABLE_SHARE_SIZE: &[u8] = b"maximum-immutable-share-size";
const MAXIMUM_MUTABLE_SHARE_SIZE: &[u8] = b"maximum-mutable-share-size";
const AVAILABLE_SPACE: &[u8] = b"available-space";
const APPLICATION_VERSION: &[u8] = b"application-version";

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Not one CBOR item, or nested too deep.
    #[error("not a single CBOR item")]
    Cbor,
    /// Another type than the protocol has at this place.
    #[error("{0} is missing or of the wrong type")]
    Field(&'static str),
    /// A key the message does not have, or has already had.
    #[error("unknown or repeated key")]
    Key,
    /// More, or longer, than the protocol allows.
    #[error("{0} is out of bounds")]
    Bound(&'static str),
}

/// A server's limits and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The longest immutable share it takes, in bytes.
    pub maximum_immutable_share_size: u64,
    /// The longest mutable share it takes, in bytes.
    pub maximum_mutable_share_size: u64,
    /// Free space, in bytes.
    pub available_space: u64,
    /// The program and its version.
    pub application_version: Vec<u8>,
}

/// What an upload asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocate {
    /// The shares wanted: at most [`SHARE_NUMBERS_MAX`].
    pub share_numbers: BTreeSet<ShareNum>,
    /// The exact length of each, in bytes.
    pub allocated_size: u64,
}

/// The answer to an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocated {
    /// Every complete share held for the storage index, asked for or not.
    pub already_have: BTreeSet<ShareNum>,
    /// Shares that may now be written with the upload secret.
    pub allocated: BTreeSet<ShareNum>,
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whether every byte of the share is there and the share has become readable.
    pub complete: bool,
    /// What is still missing: half-open, ascending.
    pub required: Vec<Range<u64>>,
}

/// The secrets of the leases an upload makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LeaseSecrets {
    /// Renews the lease.
    pub renew: [u8; 32],
    /// Cancels the lease.
    pub cancel: [u8; 32],
}

/// Grants access to the incomplete shares of one upload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UploadSecret(pub [u8; 20]);

// Secrets must not end up in logs.
impl fmt::Debug for LeaseSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseSecrets(..)")
    }
}

impl fmt::Debug for UploadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadSecret(..)")
    }
}

impl Version {
    /// To CBOR. Its keys are byte strings, unlike those of every other message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        head(&mut out, MAP, 2);
        bytes(&mut out, VERSION_KEY);
        head(&mut out, MAP, 3);
        for (key, value) in [
            (MAXIMUM_IMMUTABLE_SHARE_SIZE, self.maximum_immutable_share_size),
            (MAXIMUM_MUTABLE_SHARE_SIZE, self.maximum_mutable_share_size),
            (AVAILABLE_SPACE, self.available_space),
        ] {
            bytes(&mut out, key);
            head(&mut out, UINT, value);
        }
        bytes(&mut out, APPLICATION_VERSION);
        bytes(&mut out, &self.application_version);
        out
    }

    /// From CBOR.
    pub fn decode(message: &[u8]) -> Result<Self, MessageError> {
        let [limits, application] =
            fields(item(message)?, [Value::from(VERSION_KEY), Value::from(APPLICATION_VERSION)])?;
        let limits = limits.ok_or(MessageError::Field("storage version"))?;
        let keys = [MAXIMUM_IMMUTABLE_SHARE_SIZE, MAXIMUM_MUTABLE_SHARE_SIZE, AVAILABLE_SPACE];
        let [immutable, mutable, space] = fields(limits, keys.map(Value::from))?;
        let Some(Value::Bytes(application_version)) = application else {
            return Err(MessageError::Field("application-version"));
        };
        Ok(Self {
            maximum_immutable_share_size: uint(immutable, "maximum-immutable-share-size")?,
            maximum_mutable_share_size: uint(mutable, "maximum-mutable-share-size")?,
            available_space: uint(space, "available-space")?,
            application_version,
        })
    }
}

impl Allocate {
    /// To CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 2 * self.share_numbers.len());
        head(&mut out, MAP, 2);
        text(&mut out, "share-numbers");
        set(&mut out, &self.share_numbers);
        text(&mut out, "allocated-size");
        head(&mut out, UINT, self.allocated_size);
        out
    }

    /// From CBOR. Share numbers above 255, which no encoding has, are refused.
    pub fn decode(message: &[u8]) -> Result<Self, MessageError> {
        let keys = ["share-numbers", "allocated-size"].map(Value::from);
        let [numbers, size] = fields(item(message)?, keys)?;
        let numbers = elements(numbers, "share-numbers")?;
        if numbers.len() > SHARE_NUMBERS_MAX {
            return Err(MessageError::Bound("share-numbers"));
        }
        let share_numbers = numbers
            .into_iter()
            .map(|number| {
                let number = uint(Some(number), "share-numbers")?;
                u8::try_from(number).map(ShareNum).map_err(|_| MessageError::Bound("share-numbers"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { share_numbers, allocated_size: uint(size, "allocated-size")? })
    }
}

impl Allocated {
    /// To CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 2 * (self.already_have.len() + self.allocated.len()));
        head(&mut out, MAP, 2);
        text(&mut out, "already-have");
        set(&mut out, &self.already_have);
        text(&mut out, "allocated");
        set(&mut out, &self.allocated);
        out
    }

    /// From CBOR; share numbers as in [`decode_shares`].
    pub fn decode(message: &[u8]) -> Result<Self, MessageError> {
        let keys = ["already-have", "allocated"].map(Value::from);
        let [have, allocated] = fields(item(message)?, keys)?;
        Ok(Self {
            already_have: share_set(have, "already-have")?,
            allocated: share_set(allocated, "allocated")?,
        })
    }
}

impl Written {
    /// To CBOR. Whether the share is complete is said by the status of the answer.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + 32 * self.required.len());
        head(&mut out, MAP, 1);
        text(&mut out, "required");
        head(&mut out, ARRAY, count(self.required.len()));
        for range in &self.required {
            head(&mut out, MAP, 2);
            text(&mut out, "begin");
            head(&mut out, UINT, range.start);
            text(&mut out, "end");
            head(&mut out, UINT, range.end);
        }
        out
    }

    /// From the CBOR of an answer that said whether the share is `complete`. The ranges must be
    /// ascending, disjoint and not empty; a complete share lacks nothing.
    pub fn decode(message: &[u8], complete: bool) -> Result<Self, MessageError> {
        let [required] = fields(item(message)?, ["required"].map(Value::from))?;
        let Some(Value::Array(missing)) = required else { return Err(MessageError::Field("required")) };
        let mut required: Vec<Range<u64>> = Vec::new();
        for range in missing {
            let [begin, end] = fields(range, ["begin", "end"].map(Value::from))?;
            let range = uint(begin, "begin")?..uint(end, "end")?;
            let after = required.last().map_or(0, |last| last.end);
            if range.is_empty() || range.start < after {
                return Err(MessageError::Bound("required"));
            }
            required.push(range);
        }
        if complete && !required.is_empty() {
            return Err(MessageError::Bound("required"));
        }
        Ok(Self { complete, required })
    }
}

/// A set of share numbers to CBOR.
pub fn encode_shares(shares: &BTreeSet<ShareNum>) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + 2 * shares.len());
    set(&mut out, shares);
    out
}

/// A set of share numbers from CBOR. Numbers above 255 are left out: no encoding has them, and anyone
/// may have stored such a share on a server that takes it.
pub fn decode_shares(message: &[u8]) -> Result<BTreeSet<ShareNum>, MessageError> {
    share_set(Some(item(message)?), "share numbers")
}

/// A corruption report to CBOR. `reason` is cut to [`REASON_BYTES_MAX`]; an empty one, which no
/// server takes, becomes "unspecified".
pub fn encode_reason(reason: &str) -> Vec<u8> {
    let cut = reason.floor_char_boundary(REASON_BYTES_MAX);
    let reason = if reason.is_empty() { "unspecified" } else { &reason[..cut] };
    let mut out = Vec::with_capacity(16 + reason.len());
    head(&mut out, MAP, 1);
    text(&mut out, "reason");
    text(&mut out, reason);
    out
}

/// A corruption report from CBOR: 1 to [`REASON_BYTES_MAX`] bytes of text.
pub fn decode_reason(message: &[u8]) -> Result<String, MessageError> {
    let [reason] = fields(item(message)?, ["reason"].map(Value::from))?;
    let Some(Value::Text(reason)) = reason else { return Err(MessageError::Field("reason")) };
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(MessageError::Bound("reason"));
    }
    Ok(reason)
}

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// The head of an item: its major type and its argument in the shortest form.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    let wide = argument.to_be_bytes();
    match argument {
        0..24 => out.push(major | wide[7]),
        24..0x100 => out.extend_from_slice(&[major | 24, wide[7]]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend_from_slice(&wide[6..]);
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend_from_slice(&wide[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&wide);
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, BYTES, count(value.len()));
    out.extend_from_slice(value);
}

fn text(out: &mut Vec<u8>, value: &str) {
    head(out, TEXT, count(value.len()));
    out.extend_from_slice(value.as_bytes());
}

fn set(out: &mut Vec<u8>, shares: &BTreeSet<ShareNum>) {
    head(out, TAG, SET_TAG);
    head(out, ARRAY, count(shares.len()));
    for share in shares {
        head(out, UINT, u64::from(share.0));
    }
}

/// The one item that is all of `message`.
fn item(mut message: &[u8]) -> Result<Value, MessageError> {
    let value = ciborium::de::from_reader_with_recursion_limit(&mut message, DEPTH_MAX)
        .map_err(|_| MessageError::Cbor)?;
    if message.is_empty() { Ok(value) } else { Err(MessageError::Cbor) }
}

/// The values of a closed map under `keys`, `None` where a key is absent.
fn fields<const N: usize>(map: Value, keys: [Value; N]) -> Result<[Option<Value>; N], MessageError> {
    let Value::Map(entries) = map else { return Err(MessageError::Field("map")) };
    let mut found = [const { None }; N];
    for (key, value) in entries {
        let place = keys.iter().position(|known| *known == key).ok_or(MessageError::Key)?;
        if found[place].replace(value).is_some() {
            return Err(MessageError::Key);
        }
    }
    Ok(found)
}

fn uint(value: Option<Value>, name: &'static str) -> Result<u64, MessageError> {
    value
        .and_then(|value| value.as_integer())
        .and_then(|integer: Integer| u64::try_from(integer).ok())
        .ok_or(MessageError::Field(name))
}

fn elements(value: Option<Value>, name: &'static str) -> Result<Vec<Value>, MessageError> {
    match value {
        Some(Value::Tag(SET_TAG, inner)) => match *inner {
            Value::Array(elements) => Ok(elements),
            _ => Err(MessageError::Field(name)),
        },
        _ => Err(MessageError::Field(name)),
    }
}

fn share_set(value: Option<Value>, name: &'static str) -> Result<BTreeSet<ShareNum>, MessageError> {
    let mut shares = BTreeSet::new();
    for number in elements(value, name)? {
        if let Ok(number) = u8::try_from(uint(Some(number), name)?) {
            shares.insert(ShareNum(number));
        }
    }
    Ok(shares)
}
