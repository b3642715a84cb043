//! Reads CBOR item by item from a message at hand, without copying its byte strings.
//!
//! For messages that carry megabytes. It knows the few types those have, and nests no deeper than its caller.
//! Integers and lengths may be of any width, strings, arrays and maps of indefinite length.

use bytes::{Buf, Bytes, BytesMut};

use super::{ARRAY, BYTES, MAP, MessageError, TEXT, UINT};

const SIMPLE: u8 = 7;
const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u64 = 22;
/// Ends what is of indefinite length.
const BREAK: u8 = 0xff;

/// What of a message has not been read yet.
pub(super) struct Reader(Bytes);

/// How many elements are still to come; `None` if only a break tells.
struct Left(Option<u64>);

impl Reader {
    pub(super) fn new(message: &Bytes) -> Self {
        Self(message.clone())
    }

    /// An error unless all has been read.
    pub(super) fn finish(self) -> Result<(), MessageError> {
        if self.0.is_empty() { Ok(()) } else { Err(MessageError::Cbor) }
    }

    pub(super) fn uint(&mut self, name: &'static str) -> Result<u64, MessageError> {
        match self.head()? {
            (UINT, Some(number)) => Ok(number),
            _ => Err(MessageError::Field(name)),
        }
    }

    pub(super) fn uint_or_null(&mut self, name: &'static str) -> Result<Option<u64>, MessageError> {
        match self.head()? {
            (UINT, Some(number)) => Ok(Some(number)),
            (SIMPLE, Some(NULL)) => Ok(None),
            _ => Err(MessageError::Field(name)),
        }
    }

    pub(super) fn bool(&mut self, name: &'static str) -> Result<bool, MessageError> {
        match self.head()? {
            (SIMPLE, Some(FALSE)) => Ok(false),
            (SIMPLE, Some(TRUE)) => Ok(true),
            _ => Err(MessageError::Field(name)),
        }
    }

    /// A byte string: a part of the message, copied only if it came in chunks.
    pub(super) fn bytes(&mut self, name: &'static str) -> Result<Bytes, MessageError> {
        self.string(BYTES, name)
    }

    /// An array of at most `max` elements, each of which `element` reads.
    pub(super) fn array<T>(
        &mut self,
        name: &'static str,
        max: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, MessageError>,
    ) -> Result<Vec<T>, MessageError> {
        let mut left = self.open(ARRAY, name)?;
        let mut elements = Vec::new();
        while self.more(&mut left)? {
            if elements.len() == max {
                return Err(MessageError::Bound(name));
            }
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// A closed map: `value` reads what is under the key at that place of `keys`, once for each.
    pub(super) fn fields<const N: usize>(
        &mut self,
        keys: [&'static str; N],
        mut value: impl FnMut(&mut Self, usize) -> Result<(), MessageError>,
    ) -> Result<(), MessageError> {
        let mut left = self.open(MAP, "map")?;
        let mut seen = [false; N];
        while self.more(&mut left)? {
            let key = self.string(TEXT, "key")?;
            let place = keys.iter().position(|known| known.as_bytes() == key).ok_or(MessageError::Key)?;
            if std::mem::replace(&mut seen[place], true) {
                return Err(MessageError::Key);
            }
            value(self, place)?;
        }
        match seen.iter().position(|seen| !seen) {
            Some(place) => Err(MessageError::Field(keys[place])),
            None => Ok(()),
        }
    }

    /// A map whose keys are numbers: `value` reads what is under each.
    pub(super) fn numbered(
        &mut self,
        name: &'static str,
        mut value: impl FnMut(&mut Self, u64) -> Result<(), MessageError>,
    ) -> Result<(), MessageError> {
        let mut left = self.open(MAP, name)?;
        while self.more(&mut left)? {
            let number = self.uint(name)?;
            value(self, number)?;
        }
        Ok(())
    }

    fn open(&mut self, major: u8, name: &'static str) -> Result<Left, MessageError> {
        let (found, count) = self.head()?;
        if found == major { Ok(Left(count)) } else { Err(MessageError::Field(name)) }
    }

    fn more(&mut self, left: &mut Left) -> Result<bool, MessageError> {
        match &mut left.0 {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None => {
                let over = *self.0.first().ok_or(MessageError::Cbor)? == BREAK;
                if over {
                    self.0.advance(1);
                }
                Ok(!over)
            }
        }
    }

    fn string(&mut self, major: u8, name: &'static str) -> Result<Bytes, MessageError> {
        let mut left = match self.head()? {
            (found, _) if found != major => return Err(MessageError::Field(name)),
            (_, Some(length)) => return self.take(length),
            (_, None) => Left(None),
        };
        let mut joined = BytesMut::new();
        while self.more(&mut left)? {
            match self.head()? {
                (found, Some(length)) if found == major => joined.extend_from_slice(&self.take(length)?),
                _ => return Err(MessageError::Cbor),
            }
        }
        Ok(joined.freeze())
    }

    fn take(&mut self, length: u64) -> Result<Bytes, MessageError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.0.len() => Ok(self.0.split_to(length)),
            _ => Err(MessageError::Cbor),
        }
    }

    /// The head of an item: its major type and its argument, `None` where the length is indefinite.
    fn head(&mut self) -> Result<(u8, Option<u64>), MessageError> {
        let first = self.take(1)?[0];
        let (major, low) = (first >> 5, first & 31);
        let width = match low {
            0..24 => return Ok((major, Some(u64::from(low)))),
            24..28 => 1 << (low - 24),
            31 if (BYTES..=MAP).contains(&major) => return Ok((major, None)),
            _ => return Err(MessageError::Cbor),
        };
        // What follows that head is a number of another kind: a float, or a simple value nobody knows.
        if major == SIMPLE {
            return Err(MessageError::Cbor);
        }
        let argument = self.take(width)?;
        Ok((major, Some(argument.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))))
    }
}
