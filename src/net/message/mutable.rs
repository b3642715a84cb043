//! The messages about mutable shares: testing, reading and writing all shares of a slot in one step.
//!
//! What they mean is the server's affair. Data is neither copied nor looked at when a message is decoded: it stays a part
//! of the message.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::reader::Reader;
use super::{ARRAY, MAP, MessageError, UINT, bytes, count, head, text};
use crate::format::ShareNum;

/// How many tests one message may make of a share.
pub const TESTS_MAX: usize = 30;
/// How many reads one message may ask for.
pub const READS_MAX: usize = 30;
/// How many writes one message may have for a share: one for each block of a long file, and some.
pub const WRITES_MAX: usize = 65536;
/// The most bytes that the reads of one message may give, of all shares together.
pub const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;

const TEST_WRITE_VECTORS: &str = "test-write-vectors";
const READ_VECTOR: &str = "read-vector";
const TEST: &str = "test";
const WRITE: &str = "write";
const NEW_LENGTH: &str = "new-length";
const OFFSET: &str = "offset";
const SIZE: &str = "size";
const SPECIMEN: &str = "specimen";
const DATA: &str = "data";
const SUCCESS: &str = "success";

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
/// At least what an entry of a list costs besides its data.
const ENTRY_BYTES: usize = 48;

/// What is asked of a slot, in one step: if every test holds, every write happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTestWrite {
    /// For each share named, what must hold and what is to be done.
    pub vectors: BTreeMap<ShareNum, TestWrite>,
    /// What to read of every share there is, as it was before the writes: at most [`READS_MAX`].
    pub read: Vec<ReadSpan>,
}

/// What must hold of a share, and what is to be done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestWrite {
    /// At most [`TESTS_MAX`].
    pub test: Vec<Test>,
    /// Done one after the other: at most [`WRITES_MAX`].
    pub write: Vec<Write>,
    /// In bytes: 0 deletes the share in place of writing, less than it has cuts it, more means nothing.
    pub new_length: Option<u64>,
}

/// Holds if those bytes of the share, up to its end, are the specimen. Of a share that does not exist there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// First byte.
    pub offset: u64,
    /// How many bytes.
    pub size: u64,
    /// What they must be.
    pub specimen: Bytes,
}

impl Test {
    /// Holds if the share does not exist, or is empty.
    pub fn absent() -> Self {
        Self { offset: 0, size: 1, specimen: Bytes::new() }
    }
}

/// Puts bytes into a share, over whatever was there. A gap before them becomes zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// First byte.
    pub offset: u64,
    /// The bytes.
    pub data: Bytes,
}

/// Bytes to read, up to the end of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadSpan {
    /// First byte.
    pub offset: u64,
    /// How many bytes.
    pub size: u64,
}

/// The answer to a [`ReadTestWrite`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestWritten {
    /// Whether all tests held, and therefore all writes happened.
    pub success: bool,
    /// What was read, in the order asked, of each share there was before the writes: named or not.
    pub data: BTreeMap<ShareNum, Vec<Bytes>>,
}

impl ReadTestWrite {
    /// To CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.vectors.values().map(|share| {
            let specimens = share.test.iter().map(|test| ENTRY_BYTES + test.specimen.len());
            let data = share.write.iter().map(|write| ENTRY_BYTES + write.data.len());
            ENTRY_BYTES + specimens.sum::<usize>() + data.sum::<usize>()
        });
        let length = 2 * ENTRY_BYTES + entries.sum::<usize>() + ENTRY_BYTES * self.read.len();
        let mut out = Vec::with_capacity(length);
        head(&mut out, MAP, 2);
        text(&mut out, TEST_WRITE_VECTORS);
        head(&mut out, MAP, count(self.vectors.len()));
        for (share, vectors) in &self.vectors {
            head(&mut out, UINT, u64::from(share.0));
            vectors.encode(&mut out);
        }
        text(&mut out, READ_VECTOR);
        head(&mut out, ARRAY, count(self.read.len()));
        for span in &self.read {
            head(&mut out, MAP, 2);
            number(&mut out, OFFSET, span.offset);
            number(&mut out, SIZE, span.size);
        }
        out
    }

    /// From CBOR. Share numbers above 255, which no encoding has, are refused.
    pub fn decode(message: &Bytes) -> Result<Self, MessageError> {
        let (mut vectors, mut read) = (BTreeMap::new(), Vec::new());
        let mut reader = Reader::new(message);
        reader.fields([TEST_WRITE_VECTORS, READ_VECTOR], |reader, place| {
            if place == 0 {
                return reader.numbered(TEST_WRITE_VECTORS, |reader, number| {
                    let bound = MessageError::Bound(TEST_WRITE_VECTORS);
                    let share = u8::try_from(number).map(ShareNum).map_err(|_| bound)?;
                    let repeated = vectors.insert(share, TestWrite::read(reader)?).is_some();
                    if repeated { Err(MessageError::Key) } else { Ok(()) }
                });
            }
            read = reader.array(READ_VECTOR, READS_MAX, ReadSpan::read)?;
            Ok(())
        })?;
        reader.finish()?;
        Ok(Self { vectors, read })
    }
}

impl TestWrite {
    fn encode(&self, out: &mut Vec<u8>) {
        head(out, MAP, 3);
        text(out, TEST);
        head(out, ARRAY, count(self.test.len()));
        for Test { offset, size, specimen } in &self.test {
            head(out, MAP, 3);
            number(out, OFFSET, *offset);
            number(out, SIZE, *size);
            text(out, SPECIMEN);
            bytes(out, specimen);
        }
        text(out, WRITE);
        head(out, ARRAY, count(self.write.len()));
        for Write { offset, data } in &self.write {
            head(out, MAP, 2);
            number(out, OFFSET, *offset);
            text(out, DATA);
            bytes(out, data);
        }
        match self.new_length {
            Some(length) => number(out, NEW_LENGTH, length),
            None => {
                text(out, NEW_LENGTH);
                out.push(NULL);
            }
        }
    }

    fn read(reader: &mut Reader) -> Result<Self, MessageError> {
        let mut found = Self::default();
        reader.fields([TEST, WRITE, NEW_LENGTH], |reader, place| {
            match place {
                0 => found.test = reader.array(TEST, TESTS_MAX, Test::read)?,
                1 => found.write = reader.array(WRITE, WRITES_MAX, Write::read)?,
                _ => found.new_length = reader.uint_or_null(NEW_LENGTH)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Test {
    fn read(reader: &mut Reader) -> Result<Self, MessageError> {
        let mut found = Self { offset: 0, size: 0, specimen: Bytes::new() };
        reader.fields([OFFSET, SIZE, SPECIMEN], |reader, place| {
            match place {
                0 => found.offset = reader.uint(OFFSET)?,
                1 => found.size = reader.uint(SIZE)?,
                _ => found.specimen = reader.bytes(SPECIMEN)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Write {
    fn read(reader: &mut Reader) -> Result<Self, MessageError> {
        let mut found = Self { offset: 0, data: Bytes::new() };
        reader.fields([OFFSET, DATA], |reader, place| {
            match place {
                0 => found.offset = reader.uint(OFFSET)?,
                _ => found.data = reader.bytes(DATA)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl ReadSpan {
    fn read(reader: &mut Reader) -> Result<Self, MessageError> {
        let mut found = Self { offset: 0, size: 0 };
        reader.fields([OFFSET, SIZE], |reader, place| {
            match place {
                0 => found.offset = reader.uint(OFFSET)?,
                _ => found.size = reader.uint(SIZE)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl TestWritten {
    /// To CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let pieces = self.data.values().flatten().map(|piece| 9 + piece.len());
        let length = ENTRY_BYTES + 4 * self.data.len() + pieces.sum::<usize>();
        let mut out = Vec::with_capacity(length);
        head(&mut out, MAP, 2);
        text(&mut out, SUCCESS);
        out.push(if self.success { TRUE } else { FALSE });
        text(&mut out, DATA);
        head(&mut out, MAP, count(self.data.len()));
        for (share, pieces) in &self.data {
            head(&mut out, UINT, u64::from(share.0));
            head(&mut out, ARRAY, count(pieces.len()));
            for piece in pieces {
                bytes(&mut out, piece);
            }
        }
        out
    }

    /// From CBOR. Share numbers above 255 are left out, as in [`decode_shares`](super::decode_shares).
    pub fn decode(message: &Bytes) -> Result<Self, MessageError> {
        let mut found = Self::default();
        let mut reader = Reader::new(message);
        reader.fields([SUCCESS, DATA], |reader, place| {
            if place == 0 {
                found.success = reader.bool(SUCCESS)?;
                return Ok(());
            }
            reader.numbered(DATA, |reader, number| {
                let pieces = reader.array(DATA, READS_MAX, |reader| reader.bytes(DATA))?;
                let Ok(number) = u8::try_from(number) else { return Ok(()) };
                let repeated = found.data.insert(ShareNum(number), pieces).is_some();
                if repeated { Err(MessageError::Key) } else { Ok(()) }
            })
        })?;
        reader.finish()?;
        Ok(found)
    }
}

fn number(out: &mut Vec<u8>, key: &str, value: u64) {
    text(out, key);
    head(out, UINT, value);
}
