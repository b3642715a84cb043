//! Directories, capabilities of every kind and the hashes of a backup against vectors made by Tahoe-LAFS.
//!
//! `LAFS_VECTORS=FOLDER cargo test --test vectors_directory` checks another folder that has `mutable/` in it. The
//! shares in which the directory of the vectors is published are not looked at here.

#![expect(clippy::unwrap_used, reason = "a vector of another shape fails the test")]

#[path = "common/vectors.rs"]
mod vectors;

use data_encoding::BASE64;
use lafs::format::backup;
use lafs::format::cap::{AnyCap, CapRule, DirCap, FileCap, MutableReadCap, MutableVerifyCap, WriteCap};
use lafs::format::directory::{self, Access, Child, Directory, Json, Metadata, PackError};
use lafs::format::mutable::WriteKey;
use serde_json::Value;
use vectors::{Fields, hex};

fn base64(case: &Value, field: &str) -> Vec<u8> {
    BASE64.decode(case.text(field).as_bytes()).unwrap()
}

/// Metadata as the vectors give it. What `serde_json` writes is JSON, and no number here is beyond it.
fn metadata(case: &Value) -> Metadata {
    Metadata::parse(case["metadata"].to_string().as_bytes()).unwrap()
}

/// The fields of one entry and what follows it, by a reading of its own.
fn netstring(bytes: &[u8]) -> (&[u8], &[u8]) {
    let colon = bytes.iter().position(|byte| *byte == b':').unwrap();
    let length: usize = std::str::from_utf8(&bytes[..colon]).unwrap().parse().unwrap();
    let (data, rest) = bytes[colon + 1..].split_at(length);
    (data, rest.strip_prefix(b",").unwrap())
}

fn fields(mut entry: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    while !entry.is_empty() {
        let (data, rest) = netstring(entry);
        out.push(hex(data));
        entry = rest;
    }
    out
}

#[test]
fn capabilities() {
    let Some(file) = vectors::json("mutable/derive.json") else { return };
    let mut checked = 0;
    for case in file.list("data") {
        let caps = &case["caps"];
        let index = case.text("storage_index_base32");
        for (mdmf, file, dir) in [(false, "ssk", "dir2"), (true, "mdmf", "dir2_mdmf")] {
            let write: WriteCap = caps.text(file).parse().unwrap();
            assert_eq!(hex(write.key.0), case.text("writekey_hex"));
            let read: MutableReadCap = caps.text(&format!("{file}_ro")).parse().unwrap();
            assert_eq!(hex(read.key.0), case.text("readkey_hex"));
            let verify: MutableVerifyCap = caps.text(&format!("{file}_verify")).parse().unwrap();
            assert_eq!(verify.storage_index.to_string(), index);
            assert_eq!(hex(verify.fingerprint.0.0), case.text("fingerprint_hex"));
            assert_eq!((write.read_cap(), read.verify_cap()), (read.clone(), verify.clone()));
            let files: [FileCap; 3] = [write.into(), read.into(), verify.into()];
            for (cap, suffix) in files.into_iter().zip(["", "_ro", "_verify"]) {
                let (file, dir) =
                    (caps.text(&format!("{file}{suffix}")), caps.text(&format!("{dir}{suffix}")));
                assert_eq!(AnyCap::parse(file), AnyCap::File(cap.clone()));
                assert_eq!(AnyCap::parse(dir), AnyCap::Directory(cap.clone().into()));
                for text in [file, dir] {
                    let cap = AnyCap::parse(text);
                    assert_eq!(cap.to_string(), text);
                    assert_eq!(cap.storage_index().unwrap().to_string(), index);
                    assert_eq!((cap.can_write(), cap.is_mutable()), (suffix.is_empty(), true));
                    let hinted = AnyCap::parse(&format!("{text}:3:131073"));
                    assert_eq!(hinted == cap, mdmf);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 12, "{checked} capabilities");
}

fn check_fields(packed: &[u8], case: &Value, key: WriteKey) -> usize {
    let (read, refused) = Directory::parse(packed, Access::Write(key)).unwrap();
    assert_eq!(refused, []);
    let mut rest = packed;
    for raw in case.list("raw_entries") {
        let (entry, behind) = netstring(rest);
        rest = behind;
        let expected = ["name_utf8_hex", "ro_uri_ascii", "rwcapdata_hex", "metadata_json_utf8_hex"];
        let mut expected: Vec<String> = expected.iter().map(|field| raw.text(field).to_owned()).collect();
        expected[1] = hex(&expected[1]);
        assert_eq!(fields(entry), expected);
        let name = String::from_utf8(raw.hex("name_utf8_hex")).unwrap();
        let entry = read.get(&name).unwrap();
        assert_eq!(entry.child().write().unwrap_or_default(), raw.text("plaintext_rw_uri"));
        assert_eq!(hex(entry.metadata().to_string()), raw.text("metadata_json_utf8_hex"));
    }
    assert!(rest.is_empty());
    read.entries().len()
}

#[test]
fn mutable_directories() {
    let Some(file) = vectors::json("mutable/directory.json") else { return };
    let case = &file["data"]["mutable"];
    let key = WriteKey(case.hex("writekey_hex").try_into().unwrap());
    let packed = base64(case, "packed_b64");
    let mut made = Directory::new(Access::Write(key));
    for child in case.list("input_children") {
        let points_to = Child::new(child["rw_uri"].as_str(), child["ro_uri"].as_str()).unwrap();
        let name: String = child
            .numbers("name_codepoints")
            .iter()
            .map(|c| char::from_u32(u32::try_from(*c).unwrap()).unwrap())
            .collect();
        assert_eq!(name, child.text("name"));
        assert!(made.insert(&name, points_to, metadata(child)).is_none());
    }
    assert_eq!(made.pack().unwrap(), packed);
    assert_eq!(Directory::new(Access::Write(key)).pack().unwrap(), base64(case, "packed_empty_b64"));

    let checked = check_fields(&packed, case, key);
    assert!(checked >= 5 && checked == case.list("raw_entries").len(), "{checked} entries");
    let (read, _) = Directory::parse(&packed, Access::Write(key)).unwrap();
    assert_eq!(read.pack().unwrap(), packed);
    let (reader, refused) = Directory::parse(&packed, Access::Read).unwrap();
    assert_eq!((reader.pack(), refused), (Err(PackError::NoWriteKey), vec![]));
    let children = case.list("children");
    assert_eq!(children.len(), checked);
    for ((child, entry), seen) in children.iter().zip(read.entries()).zip(reader.entries()) {
        assert_eq!(entry.name(), child.text("name"));
        assert_eq!(entry.child().write(), child["rw_uri"].as_str());
        assert_eq!(entry.child().read(), child["ro_uri"].as_str());
        assert_eq!(*entry.metadata(), metadata(child));
        assert_eq!((seen.name(), seen.child().write()), (entry.name(), None));
        assert_eq!((seen.child().read(), seen.metadata()), (entry.child().read(), entry.metadata()));
    }

    let cap: DirCap = case.text("dir_cap").parse().unwrap();
    assert_eq!(cap.read_only().to_string(), case.text("dir_ro_cap"));
    assert_eq!(cap.verify().unwrap().to_string(), case.text("verify_cap"));
    match cap.file() {
        FileCap::Write(cap) => assert_eq!(cap.key, key),
        other => panic!("{other:?} writes nothing"),
    }
}

#[test]
fn immutable_directories() {
    let Some(file) = vectors::json("mutable/directory.json") else { return };
    let (mut literals, mut files) = (0, 0);
    for case in file["data"].list("immutable") {
        let packed = base64(case, "packed_b64");
        assert_eq!(packed.len() as u64, case.number("packed_length"));
        let mut made = Directory::new(Access::Immutable);
        for child in case.list("children") {
            let points_to = Child::immutable(child.text("ro_uri")).unwrap();
            assert!(made.insert(child.text("name"), points_to, metadata(child)).is_none());
        }
        assert_eq!(made.pack().unwrap(), packed);
        let (read, refused) = Directory::parse(&packed, Access::Immutable).unwrap();
        assert_eq!((read.entries().len(), refused), (case.list("children").len(), vec![]));
        assert_eq!(read.pack().unwrap(), packed);
        for (entry, child) in read.entries().zip(case.list("children")) {
            assert_eq!(entry.child().read(), Some(child.text("ro_uri")));
        }

        let cap: DirCap = case.text("dir_cap").parse().unwrap();
        let file: FileCap = case.text("file_cap").parse().unwrap();
        assert_eq!((cap.to_string().as_str(), cap.file()), (case.text("dir_cap"), &file));
        match directory::literal(&packed) {
            Some(literal) => {
                assert_eq!(literal, cap);
                literals += 1;
            }
            None => {
                assert_eq!(DirCap::from(file).to_string(), case.text("dir_cap"));
                files += 1;
            }
        }
    }
    assert!(literals >= 1 && files >= 1, "{literals} in their capabilities, {files} in files");
}

#[test]
fn what_may_change_is_refused_in_immutable_directories() {
    let Some(file) = vectors::json("mutable/directory.json") else { return };
    let dir: DirCap = file["data"]["mutable"].text("dir_cap").parse().unwrap();
    let write = AnyCap::File(dir.file().clone());
    let mut checked = 0;
    for case in file["data"].list("refused_in_immutable") {
        assert_eq!(case.text("result"), "MustBeDeepImmutableError");
        let cap = match case.text("why") {
            "writecap of a mutable file" => write.clone(),
            "readcap of a mutable file" => write.read_only().unwrap(),
            "mutable directory" => AnyCap::Directory(dir.read_only()),
            other => panic!("a case called {other}"),
        };
        let mut made = Directory::new(Access::Immutable);
        made.insert("x", Child::of_cap(&cap).unwrap(), Metadata::new());
        let rule = CapRule::MustBeImmutable;
        assert_eq!(made.pack(), Err(PackError::MustBeDeepImmutable { name: "x".to_owned(), rule }));
        checked += 1;
    }
    assert!(checked >= 3, "{checked} cases");
}

#[test]
fn hashes_of_a_backup() {
    let Some(file) = vectors::json("mutable/backupdb.json") else { return };
    let data = &file["data"];
    let cases = data.list("directories");
    assert!(cases.len() >= 3, "{} directories", cases.len());
    for case in cases {
        let contents = case["contents"].as_object().unwrap();
        let children = contents.iter().map(|(name, cap)| (name.as_str(), cap.as_str().unwrap()));
        assert_eq!(backup::directory_hash(children.clone()), case.text("dirhash_base32"));
        assert_eq!(backup::directory_hash(children.rev()), case.text("dirhash_base32"));
    }
    assert_eq!(u64::from(backup::SCHEMA_VERSION), data.number("schema_version"));
    let tables: Vec<&str> = data.list("tables").iter().map(|table| table.as_str().unwrap()).collect();
    assert_eq!(tables, backup::TABLES);
}

#[test]
fn json_of_the_vectors_is_read_and_written_without_loss() {
    let Some(bytes) = vectors::bytes("mutable/directory.json") else { return };
    let text = String::from_utf8(bytes).unwrap();
    let value = Json::parse(&text).unwrap();
    assert_eq!(Json::parse(&value.to_string()), Ok(value));
}
