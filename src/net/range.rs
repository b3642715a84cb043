//! The byte ranges in HTTP headers, as narrow as the protocol has them.

use std::ops::Range;

/// A `Content-Range` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentRange {
    /// Which bytes: half-open, not empty.
    pub range: Range<u64>,
    /// The length of the whole where it was given.
    pub total: Option<u64>,
}

/// `bytes A-B/TOTAL` or `bytes A-B/*`, with A <= B.
pub fn parse_content_range(header: &[u8]) -> Option<ContentRange> {
    let text = std::str::from_utf8(header).ok()?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let total = if total == "*" { None } else { Some(decimal(total)?) };
    Some(ContentRange { range: inclusive(range)?, total })
}

/// `bytes=A-B` with A <= B, half-open in the result. Open, suffix and multiple ranges are none.
pub fn parse_range(header: &[u8]) -> Option<Range<u64>> {
    inclusive(std::str::from_utf8(header).ok()?.strip_prefix("bytes=")?)
}

/// A number of ASCII digits and nothing else: no sign, no space.
pub fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn inclusive(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (decimal(first)?, decimal(last)?);
    (first <= last).then(|| Some(first..last.checked_add(1)?))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_inclusive_on_the_wire() {
        assert_eq!(parse_range(b"bytes=0-9"), Some(0..10));
        let parsed = parse_content_range(b"bytes 5-5/*").unwrap();
        assert_eq!(parsed, ContentRange { range: 5..6, total: None });
        assert_eq!(parse_content_range(b"bytes 5-5/7").unwrap().total, Some(7));
    }

    proptest! {
        #[test]
        fn any_bytes_are_none_or_a_range_that_is_not_empty(
            text in "(bytes[ =])?[0-9]{0,21}-?[0-9]{0,21}(/[0-9*]{0,21})?", raw: Vec<u8>,
        ) {
            for bytes in [text.as_bytes(), &raw] {
                prop_assert!(parse_range(bytes).is_none_or(|range| !range.is_empty()));
                prop_assert!(parse_content_range(bytes).is_none_or(|said| !said.range.is_empty()));
            }
        }
    }

    #[test]
    fn anything_but_one_closed_range_is_refused() {
        for bad in [
            "bytes=5-",
            "bytes=-5",
            "bytes=0-1,3-4",
            "molluscs=0-9",
            "bytes=9-2",
            "bytes=+1-2",
            "bytes= 1-2",
            "",
            "bytes=0-18446744073709551615",
            "bytes=0-99999999999999999999",
            "0-9",
        ] {
            assert_eq!(parse_range(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["bytes 1-2", "bytes 1-2/", "bytes 1-2/-3", "bytes */5", "bytes=1-2/*", "octets 1-2/*"] {
            assert_eq!(parse_content_range(bad.as_bytes()), None, "{bad}");
        }
    }
}
