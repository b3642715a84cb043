//! The little XML that S3 speaks: elements and their text, namespaces and attributes left aside.
//!
//! No documents of our own but one are written, in `multipart`; nothing of a document type is believed.

use quick_xml::Reader;
use quick_xml::events::Event;

/// How deep a document may nest.
const DEPTH_MAX: usize = 8;
/// The longest text of one element that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Calls `end` at the end of every element, with the names from the root to it and the text directly in it.
///
/// `Some` if the whole document could be read; otherwise what came before the fault has been seen.
pub(super) fn walk(document: &[u8], mut end: impl FnMut(&[&str], &str)) -> Option<()> {
    let valid = document.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut reader = Reader::from_str(valid);
    let mut names: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut closed = false;
    let leave = |names: &mut Vec<String>, text: &mut String, end: &mut dyn FnMut(&[&str], &str)| {
        let path: Vec<&str> = names.iter().map(String::as_str).collect();
        end(&path, text.trim());
        text.clear();
        names.pop();
        names.is_empty()
    };
    loop {
        let event = reader.read_event().ok()?;
        let piece = match &event {
            Event::Start(start) | Event::Empty(start) => {
                if names.len() >= DEPTH_MAX || closed {
                    return None;
                }
                names.push(start.local_name().as_ref().to_owned());
                text.clear();
                if matches!(event, Event::Empty(_)) {
                    closed = leave(&mut names, &mut text, &mut end);
                }
                continue;
            }
            Event::End(_) => {
                closed = leave(&mut names, &mut text, &mut end);
                continue;
            }
            Event::Eof => return (closed && valid.len() == document.len()).then_some(()),
            Event::Text(piece) => piece.xml10_content(),
            Event::CData(piece) => piece.xml10_content(),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(c) => c.to_string().into(),
                None => quick_xml::escape::resolve_predefined_entity(reference)?.into(),
            },
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => continue,
        };
        if text.len() + piece.len() > TEXT_BYTES_MAX {
            return None;
        }
        text.push_str(&piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(document: &str) -> (Vec<(String, String)>, bool) {
        let mut seen = Vec::new();
        let whole = walk(document.as_bytes(), |path, text| seen.push((path.join("/"), text.to_owned())));
        (seen, whole.is_some())
    }

    #[test]
    fn elements_come_with_their_path_and_text() {
        let (seen, whole) =
            leaves("<?xml version='1.0'?>\n<A xmlns='u'><b> 1 &amp; &#50;</b><n:c/><![CDATA[<]]></A>");
        let expected = [("A/b", "1 & 2"), ("A/c", ""), ("A", "<")];
        assert!(whole);
        assert_eq!(seen, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn what_breaks_off_is_seen_as_far_as_it_goes_and_is_not_whole() {
        let (seen, whole) = leaves("<A><b>1</b><c>2</");
        assert!(!whole);
        assert_eq!(seen, [("A/b".to_owned(), "1".to_owned())]);
        for bad in ["", "plain", "<A>", "<A></B>", "<A/><A/>", "<A>&nonsense;</A>", "{\"a\": 1}"] {
            assert!(!leaves(bad).1, "{bad}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(!leaves(&("<a>".repeat(100) + &"</a>".repeat(100))).1);
        assert!(!leaves(&format!("<a>{}</a>", "x".repeat(5000))).1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, text in "(<[a-c/!?]{0,3}>?|&[#x0-9a-z]{0,4};?|]]>|.){0,20}") {
            walk(&bytes, |_, _| ());
            walk(text.as_bytes(), |_, _| ());
        }
    }
}
