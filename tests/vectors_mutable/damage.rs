//! What a reader makes of a damaged share: it knows the version or not, reads on or not, and never takes bad bytes.

use lafs::format::ShareNum;

use crate::support::{Unreadable, base64, check, data, decode, key, open};
use crate::vectors::{self, Fields};

#[test]
fn damage_is_noticed_where_tahoe_notices_it() {
    let Some(file) = data("damage") else { return };
    let key = key(file.text("key"));
    let (share, content) = (base64(&file, "share_b64"), base64(&file, "content_b64"));
    let mut checked = 0;
    for case in file.list("cases") {
        let why = case.text("why");
        let mut damaged = share.clone();
        if let Some(at) = case.get("byte_offset") {
            let mask = u8::try_from(case.number("xor_mask")).unwrap();
            damaged[usize::try_from(at.as_u64().unwrap()).unwrap()] ^= mask;
        } else {
            let added = usize::try_from(case.number("trailing_zero_bytes")).unwrap();
            let len = usize::try_from(case.number("share_length")).unwrap();
            damaged.truncate(len - added);
            damaged.resize(len, 0);
        }
        let found = check(&damaged, ShareNum(0), key.fingerprint());
        let version_known = open(&damaged, key.fingerprint()).is_ok();
        let recoverable = case["mode_write_servermap"].number("recoverable") == 1;
        assert_eq!(version_known, recoverable, "{why}: {found:?}");
        match (case.text("read_result"), found) {
            ("ok", Ok(good)) => {
                assert_eq!(decode(&[(ShareNum(0), good)], &key.write_key().read_key()), content, "{why}");
            }
            ("UnrecoverableFileError", Err(Unreadable::Head(_))) => {}
            ("NotEnoughSharesError", Err(Unreadable::Body(_))) => {}
            (expected, found) => panic!("{why}: {expected}, but {found:?}"),
        }
        checked += 1;
    }
    assert!(checked >= 26 || !vectors::are_our_own());
}
