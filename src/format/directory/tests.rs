//! Directories, as properties and examples.

use proptest::prelude::*;

use super::*;
use crate::format::base32;
use crate::format::cap::AnyCap;
use crate::format::hash::netstring;

mod changes;

const KEY: WriteKey = WriteKey([9; 16]);
const WRITE: Access = Access::Write(KEY);

fn text(name: &str, key: u8) -> String {
    format!("URI:{name}:{}:{}", base32::encode(&[key; 16]), base32::encode(&[1; 32]))
}

fn file(key: u8) -> Child {
    Child::new(Some(&text("SSK", key)), None).unwrap()
}

fn folder(key: u8) -> Child {
    Child::new(Some(&text("DIR2", key)), None).unwrap()
}

fn literal_file() -> Child {
    Child::immutable("URI:LIT:nbswy3dpebaq").unwrap()
}

fn metadata(text: &str) -> Metadata {
    Metadata::parse(text.as_bytes()).unwrap()
}

fn parsed(bytes: &[u8], access: Access) -> Directory {
    let (directory, refused) = Directory::parse(bytes, access).unwrap();
    assert_eq!(refused, []);
    directory
}

/// The bytes of an entry by its fields.
fn entry(fields: [&[u8]; 4]) -> Vec<u8> {
    netstring(&fields.map(netstring).concat())
}

fn names(directory: &Directory) -> Vec<&str> {
    directory.entries().map(Entry::name).collect()
}

fn child() -> impl Strategy<Value = Child> {
    (any::<u8>(), 0..6).prop_map(|(key, kind)| match kind {
        0 => file(key),
        1 => file(key).read_only(),
        2 => folder(key),
        3 => literal_file(),
        4 => Child::new(Some("x-rw:1"), Some("x-ro:1")).unwrap(),
        _ => Child::new(None, Some("imm.x:1")).unwrap(),
    })
}

fn directory() -> impl Strategy<Value = Directory> {
    proptest::collection::vec((".{0,12}", child(), any::<f64>()), 0..8).prop_map(|entries| {
        let mut directory = Directory::new(WRITE);
        for (name, child, number) in entries {
            let mut metadata = Metadata::new();
            metadata.0.set(&name, number);
            directory.insert(&name, child, metadata);
        }
        directory
    })
}

fn same_entries(a: &Directory, b: &Directory) -> bool {
    let plain = |entry: &Entry| (entry.name.clone(), entry.child.clone(), entry.metadata().into_owned());
    a.entries().map(plain).eq(b.entries().map(plain))
}

proptest! {
    #[test]
    fn what_is_packed_is_read_again(directory in directory()) {
        let packed = directory.pack().unwrap();
        let again = parsed(&packed, WRITE);
        prop_assert!(same_entries(&again, &directory));
        prop_assert_eq!(again.pack().unwrap(), packed);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
        for access in [WRITE, Access::Read, Access::Immutable] {
            let _ = Directory::parse(&bytes, access);
        }
    }

    #[test]
    fn damage_is_refused_or_kept(directory in directory(), at: prop::sample::Index, with: u8) {
        let mut packed = directory.pack().unwrap();
        prop_assume!(!packed.is_empty());
        let at = at.index(packed.len());
        packed[at] = with;
        for access in [WRITE, Access::Read, Access::Immutable] {
            if let Ok((read, _)) = Directory::parse(&packed, access)
                && let Ok(again) = read.pack()
            {
                prop_assert!(same_entries(&parsed(&again, access), &read));
            }
        }
    }

    #[test]
    fn a_change_touches_the_bytes_of_its_entry_only(directory in directory(), key: u8) {
        let before = parsed(&directory.pack().unwrap(), WRITE);
        let mut after = before.clone();
        let link = link("new", file(key), None, Replace::Any, 1.5);
        prop_assert_eq!(link.apply(&mut after), Ok(Applied::Now));
        let raw = |directory: &Directory| -> Vec<_> {
            directory.entries().filter(|e| e.name() != "new").map(|e| e.form.clone()).collect()
        };
        prop_assert!(raw(&after) == raw(&before));
        prop_assert_eq!(link.apply(&mut after), Ok(Applied::Before));
        prop_assert_eq!(link.apply(&mut parsed(&after.pack().unwrap(), WRITE)), Ok(Applied::Before));
    }
}

fn link(name: &str, child: Child, metadata: Option<Metadata>, replace: Replace, at: f64) -> Change {
    Change::Link { name: name.to_owned(), child, metadata, replace, at: UnixTime(at) }
}

/// A file called `file` and a folder called `folder`.
fn two() -> Directory {
    let mut directory = Directory::new(WRITE);
    directory.insert("file", file(1), metadata(r#"{"a": 1}"#));
    directory.insert("folder", folder(2), Metadata::new());
    parsed(&directory.pack().unwrap(), WRITE)
}

#[test]
fn names_are_normalised_and_in_the_order_of_code_points() {
    let mut directory = Directory::new(WRITE);
    for name in ["\u{ff5e}", "\u{1f600}", "z", "e\u{301}", "Z"] {
        directory.insert(name, literal_file(), Metadata::new());
    }
    assert!(directory.insert("\u{e9}", file(1), Metadata::new()).is_some());
    assert_eq!(names(&directory), ["Z", "z", "\u{e9}", "\u{ff5e}", "\u{1f600}"]);
    assert!(directory.get("e\u{301}").unwrap().child().write().is_some());
    assert!(directory.remove("e\u{301}").is_some());
}

#[test]
fn an_entry_nobody_touched_is_copied_whatever_is_in_it() {
    // A name that is not in NFC, a capability behind spaces, JSON with other spaces, bytes behind the last field.
    let sealed = seal::seal(&KEY, b"");
    let name = "e\u{301}".as_bytes();
    let fields = [name, b"URI:LIT:nbswy3dpebaq  ", &sealed, br#"{ "a":1e3 }"#].map(netstring).concat();
    let odd = netstring(&[fields, b"more".to_vec()].concat());
    let mut directory = parsed(&odd, WRITE);
    let entry = directory.get("\u{e9}").unwrap();
    assert_eq!(entry.child().read(), Some("URI:LIT:nbswy3dpebaq"));
    assert_eq!(entry.metadata().to_string(), r#"{"a": 1000.0}"#);
    link("a", file(1), None, Replace::Never, 1.0).apply(&mut directory).unwrap();
    assert!(directory.pack().unwrap().ends_with(&odd));
    link("\u{e9}", file(1), None, Replace::Any, 1.0).apply(&mut directory).unwrap();
    assert!(!directory.pack().unwrap().ends_with(&odd));
}

#[test]
fn of_two_entries_with_one_name_the_later_counts() {
    let sealed = seal::seal(&KEY, b"");
    let bytes = [
        entry(["e\u{301}".as_bytes(), b"x-first", &sealed, b"{}"]),
        entry(["\u{e9}".as_bytes(), b"x-second", &sealed, b"{}"]),
    ];
    let directory = parsed(&bytes.concat(), WRITE);
    assert_eq!(directory.entries().len(), 1);
    assert_eq!(directory.get("\u{e9}").unwrap().child().read(), Some("ro.x-second"));
    assert_eq!(directory.pack().unwrap(), bytes[1]);
}

#[test]
fn entries_that_break_a_rule_are_left_out_and_told() {
    let mutable = text("SSK-RO", 1);
    let bytes = [
        entry([b"a", mutable.as_bytes(), b"", b"{}"]),
        entry([b"b", b"URI:LIT:nbswy3dpebaq", b"", b"{}"]),
        entry([b"c", b"ro.x-unknown", b"", b"{}"]),
        entry([b"d", b"URI:CHK:x", b"", b"{}"]),
        entry([b"e", b"\xff", b"", b"{}"]),
    ]
    .concat();
    let (directory, refused) = Directory::parse(&bytes, Access::Immutable).unwrap();
    assert_eq!(names(&directory), ["b", "c"]);
    assert_eq!(directory.get("c").unwrap().child().read(), Some("imm.x-unknown"));
    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "a" is left out: a capability of something mutable stands where everything must be immutable
    "d" is left out: a capability of this kind has 5 parts after its name
    "e" is left out: a capability is not text
    "#);
}

#[test]
fn what_writes_may_be_damaged_without_harm_to_what_reads() {
    let packed = two().pack().unwrap();
    let read = parsed(&packed, Access::Write(WriteKey([8; 16])));
    assert_eq!(*read.get("file").unwrap().child(), file(1).read_only());
    assert_eq!(read.pack().unwrap(), packed);
}

#[test]
fn rules_of_children() {
    let told = |write: Option<&str>, read: Option<&str>| match Child::new(write, read) {
        Ok(child) => format!("{} {}", child.write().unwrap_or("-"), child.read().unwrap_or("-")),
        Err(error) => error.to_string(),
    };
    let (chk, ssk, ro) = ("URI:LIT:nbswy3dpebaq", text("SSK", 1), text("SSK-RO", 1));
    let read_key = AnyCap::parse(&ssk).read_only().unwrap().to_string();
    assert_eq!(told(Some(chk), None), format!("- {chk}"));
    assert_eq!(told(Some(&ssk), Some("nonsense")), format!("{ssk} {read_key}"));
    assert_eq!(told(None, Some(&format!("ro.{ro}  "))), format!("- {ro}"));
    assert_eq!(told(Some("x"), Some("ro.y")), "x ro.y");
    assert_eq!(told(Some("ro.x"), None), "- ro.x");
    assert_eq!(told(None, Some("imm.x")), "- imm.x");
    assert_eq!(told(None, None), "- -");
    let refused = [
        told(Some("x"), None),
        told(Some("x"), Some("imm.y")),
        told(Some(&format!("ro.{ssk}")), None),
        told(None, Some(&format!("imm.{ro}"))),
        told(None, Some("URI:SSK-RO:x")),
        told(Some("URI:SSK:x"), None),
    ];
    insta::assert_snapshot!(refused.join("\n"), @r#"
    a capability of an unknown kind may be able to write and has none beside it that only reads
    a capability of something mutable stands where everything must be immutable
    a write capability stands where nothing may write
    a capability of something mutable stands where everything must be immutable
    a capability of a mutable file has 2 parts after its name
    a capability of a mutable file has 2 parts after its name
    "#);
}

#[test]
fn immutable_directories_take_nothing_that_may_change() {
    let refused = |child: Child| {
        let mut directory = Directory::new(Access::Immutable);
        directory.insert("x", child, Metadata::new());
        directory.pack().is_err()
    };
    assert!(refused(file(1)) && refused(file(1).read_only()) && refused(folder(1)));
    assert!(refused(Child::new(None, Some("x")).unwrap()));
    assert!(!refused(Child::new(None, Some("imm.x")).unwrap()));
    assert!(!refused(Child::immutable("x").unwrap()));
    assert!(!refused(literal_file()));
}

#[test]
fn what_is_not_a_directory_is_told() {
    let long = vec![b'x'; NAME_BYTES_MAX + 1];
    let cap = vec![b'x'; CAP_BYTES_MAX + 1];
    let many = entry([b"", b"", b"", b"{}"]).repeat(ENTRIES_MAX + 1);
    let told = [
        b"x".to_vec(),
        b"+1:a,".to_vec(),
        b"99999999999999999999:a,".to_vec(),
        b"18446744073709551615:a,".to_vec(),
        [entry([b"a", b"", b"", b"{}"]), b"5:1:a,,x".to_vec()].concat(),
        entry([b"\xff", b"", b"", b"{}"]),
        entry([&long, b"", b"", b"{}"]),
        entry([b"a", &cap, b"", b"{}"]),
        entry([b"a", b"", b"", b"[]"]),
        entry([b"a", b"", b"", b"{\"a\": tru}"]),
        entry([b"a", b"", b"x", b"{}"]),
        vec![b'0'; DIRECTORY_BYTES_MAX + 1],
        many,
    ]
    .map(|bytes| Directory::parse(&bytes, Access::Immutable).unwrap_err().to_string());
    insta::assert_snapshot!(told.join("\n"), @r#"
    entry 0 of the directory is cut off or damaged
    entry 0 of the directory is cut off or damaged
    entry 0 of the directory is cut off or damaged
    entry 0 of the directory is cut off or damaged
    entry 1 of the directory is cut off or damaged
    the name of entry 0 of the directory is not UTF-8
    the name of entry 0 of the directory has more than 16384 bytes
    a capability in entry 0 of the directory has more than 65536 bytes
    the metadata of entry 0 of the directory is damaged: not a JSON object
    the metadata of entry 0 of the directory is damaged: not JSON: no value at byte 6
    entry 0 of the immutable directory has a write capability
    the directory has 67108865 bytes, at most 67108864 are taken
    the directory has more than 262144 entries
    "#);
}

#[test]
fn what_would_not_be_read_again_is_not_packed() {
    let packed = |name: &str, metadata: Metadata| {
        let mut directory = Directory::new(WRITE);
        directory.insert(name, literal_file(), metadata);
        directory.pack().unwrap_err().to_string()
    };
    let mut deep = Json::Null;
    for _ in 0..=json::JSON_DEPTH_MAX {
        deep = Json::List(vec![deep]);
    }
    let (mut nested, mut large) = (Metadata::new(), Metadata::new());
    nested.0.set("a", deep);
    large.0.set("a", "x".repeat(METADATA_BYTES_MAX).as_str());
    let mut mutable = Directory::new(Access::Immutable);
    mutable.insert("m", file(1), Metadata::new());
    let told = [
        packed(&"x".repeat(NAME_BYTES_MAX + 1), Metadata::new()),
        packed("deep", nested),
        packed("large", large),
        mutable.pack().unwrap_err().to_string(),
        Directory::new(Access::Read).pack().unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    a name of 16385 bytes is too long, at most 16384 are taken
    the metadata of "deep" would not be read again: not JSON: too deep at byte 106
    the metadata of "large" would not be read again: 1048585 bytes, at most 1048576 are taken
    "m" must not be in an immutable directory: a capability of something mutable stands where everything must be immutable
    the directory was read without its write key
    "#);
}

#[test]
fn debug_shows_no_capability() {
    let shown = format!("{:?}", two());
    let secrets = [1, 2].map(|key| base32::encode(&[key; 16]));
    assert!(secrets.iter().all(|secret| !shown.contains(secret)) && !shown.contains("9, 9"), "{shown}");
}
