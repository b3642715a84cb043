//! Capabilities of every kind, as properties.

use proptest::prelude::*;

use super::*;
use crate::crypto::Key;
use crate::format::Encoding;
use crate::format::cap::{Cap, LiteralCap, MutableFormat, ReadCap, WriteCap};
use crate::format::hash::Digest;
use crate::format::mutable::{Fingerprint, WriteKey};

const LOOKS_LIKE_A_CAPABILITY: &str =
    "(ro\\.|imm\\.)?(URI:)?((DIR2-|DIR2)?(CHK|LIT|SSK|MDMF)?(-RO|-Verifier)?)?:?.{0,90}";

fn file() -> impl Strategy<Value = FileCap> {
    (any::<[u8; 16]>(), any::<[u8; 32]>(), any::<Vec<u8>>(), any::<bool>(), 0..6).prop_map(
        |(key, hash, data, mdmf, kind)| {
            let format = if mdmf { MutableFormat::Mdmf } else { MutableFormat::Sdmf };
            let fingerprint = Fingerprint(Digest(hash));
            let write = WriteCap { format, key: WriteKey(key), fingerprint };
            let encoding = Encoding::new(3, 10).unwrap();
            let read = ReadCap { key: Key(key), ueb_hash: Digest(hash), encoding, size: 99 };
            match kind {
                0 => write.into(),
                1 => write.read_cap().into(),
                2 => write.read_cap().verify_cap().into(),
                3 => Cap::Verify(read.verify_cap()).into(),
                4 => Cap::Chk(read).into(),
                _ => Cap::Literal(LiteralCap { data }).into(),
            }
        },
    )
}

fn cap() -> impl Strategy<Value = AnyCap> {
    (file(), any::<bool>()).prop_map(|(file, directory)| {
        if directory { AnyCap::Directory(file.into()) } else { AnyCap::File(file) }
    })
}

fn unknown(text: &str) -> UnknownCap {
    match AnyCap::parse(text) {
        AnyCap::Unknown(cap) => cap,
        cap => panic!("{text} is known: {cap:?}"),
    }
}

proptest! {
    #[test]
    fn a_capability_survives(cap in cap()) {
        prop_assert_eq!(AnyCap::parse(&cap.to_string()), cap);
    }

    #[test]
    fn prefixes_bind_whoever_can_open(cap in cap()) {
        let opens = cap.file().unwrap().can_read();
        let error = |prefix: &str| match AnyCap::parse(&format!("{prefix}{cap}")) {
            AnyCap::Unknown(cap) => cap.error,
            known => { assert_eq!(known, cap); None }
        };
        prop_assert_eq!(error("ro."), cap.can_write().then_some(CapRule::MustBeReadOnly));
        prop_assert_eq!(error("imm."), (cap.is_mutable() && opens).then_some(CapRule::MustBeImmutable));
        prop_assert_eq!(AnyCap::parse_immutable(&cap.to_string()).file().is_none(), cap.is_mutable() && opens);
    }

    #[test]
    fn weaker_is_of_the_same_thing(cap in cap()) {
        let read = cap.read_only().unwrap();
        prop_assert!(!read.can_write());
        prop_assert_eq!(read.storage_index(), cap.storage_index());
        prop_assert_eq!(read.is_directory(), cap.is_directory());
        prop_assert_eq!(read.is_mutable(), cap.is_mutable());
        prop_assert_eq!(read.verify(), cap.verify());
        if let Some(verify) = cap.verify() {
            prop_assert!(!verify.file().unwrap().can_read());
            prop_assert_eq!(verify.storage_index(), cap.storage_index());
            prop_assert_eq!(verify.is_directory(), cap.is_directory());
        }
    }

    #[test]
    fn any_text_is_kept_or_canonical_from_then_on(text in LOOKS_LIKE_A_CAPABILITY) {
        let cap = AnyCap::parse(&text);
        if let AnyCap::Unknown(cap) = &cap {
            prop_assert_eq!(&cap.text, &text);
        }
        prop_assert_eq!(AnyCap::parse(&cap.to_string()), cap);
    }

    #[test]
    fn a_damaged_capability_is_unknown_or_canonical(cap in cap(), at: prop::sample::Index, with: char) {
        let mut chars: Vec<char> = cap.to_string().chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let text: String = chars.into_iter().collect();
        let cap = AnyCap::parse(&text);
        prop_assert_eq!(AnyCap::parse(&cap.to_string()), cap);
    }

    #[test]
    fn hints_are_dropped_from_mdmf_and_refused_elsewhere(cap in cap(), hints in "(:[a-z0-9:]{0,9}){1,3}") {
        let text = cap.to_string();
        match AnyCap::parse(&format!("{text}{hints}")) {
            AnyCap::Unknown(unknown) => prop_assert!(!text.contains("MDMF") && unknown.error.is_some()),
            known => { prop_assert!(text.contains("MDMF")); prop_assert_eq!(known, cap); }
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let secret = base32_of_sevens();
    let print = crate::format::base32::encode(&[1; 32]);
    for name in ["SSK", "SSK-RO", "DIR2", "DIR2-RO", "MDMF", "DIR2-MDMF-RO", "FUTURE", "LIT"] {
        let text =
            if name == "LIT" { format!("URI:LIT:{secret}") } else { format!("URI:{name}:{secret}:{print}") };
        let shown = format!("{:?}", AnyCap::parse(&text));
        assert!(!shown.contains(&secret) && !shown.contains("7, 7"), "{shown}");
    }
}

fn base32_of_sevens() -> String {
    crate::format::base32::encode(&[7; 16])
}

#[test]
fn what_is_wrong_is_told() {
    let (key, print) = (base32_of_sevens(), crate::format::base32::encode(&[1; 32]));
    let why = |text: String| match unknown(&text).error {
        Some(error) => error.to_string(),
        None => "nothing".to_owned(),
    };
    let told = [
        why(format!("imm.URI:SSK-RO:{key}:{print}")),
        why(format!("ro.URI:DIR2:{key}:{print}")),
        why(format!("URI:SSK:{key}")),
        why(format!("URI:SSK:{key}:{print}:")),
        why(format!("URI:SSK:{}b:{print}", &key[..25])),
        why(format!("URI:DIR2-Verifier:{key}:{}", &print[..51])),
        why(format!("URI:MDMF-RO:{}:{print}", &key[..25])),
        why(format!("URI:MDMF-Verifier::{print}")),
        why(format!("URI:DIR2-CHK:{key}:{print}:3:10:0")),
        why(format!("URI:DIR2-SSK:{key}:{print}")),
        why("x-future:abc".to_owned()),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    a capability of something mutable stands where everything must be immutable
    a write capability stands where nothing may write
    a capability of a mutable file has 2 parts after its name
    a capability of a mutable file has 2 parts after its name
    the write key is not base32 of the right length
    the fingerprint is not base32 of the right length
    the read key is not base32 of the right length
    the storage index is not base32 of the right length
    the size is 0
    nothing
    nothing
    "#);
    let errors = ["x".parse::<WriteCap>().unwrap_err(), "URI:SSK:x".parse::<DirCap>().unwrap_err()];
    insta::assert_snapshot!(errors.map(|e| e.to_string()).join("\n"), @r"
    not a write capability of a mutable file
    not a capability of a directory
    ");
}
