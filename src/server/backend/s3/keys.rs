//! What objects are called.

use crate::format::{ShareNum, StorageIndex};

/// Makes and reads keys below a prefix.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    pub(super) fn immutables(&self, index: StorageIndex) -> String {
        format!("{}immutable/{index}/", self.prefix)
    }

    pub(super) fn immutable(&self, index: StorageIndex, share: ShareNum) -> String {
        format!("{}immutable/{index}/{share}", self.prefix)
    }

    pub(super) fn mutables(&self, index: StorageIndex) -> String {
        format!("{}mutable/{index}/", self.prefix)
    }

    pub(super) fn mutable(&self, index: StorageIndex, share: ShareNum) -> String {
        format!("{}mutable/{index}/{share}", self.prefix)
    }

    pub(super) fn all_immutable(&self) -> String {
        format!("{}immutable/", self.prefix)
    }

    pub(super) fn all_mutable(&self) -> String {
        format!("{}mutable/", self.prefix)
    }

    pub(super) fn leases(&self, index: StorageIndex) -> String {
        format!("{}leases/{index}", self.prefix)
    }

    pub(super) fn report(&self, number: u8) -> String {
        format!("{}reports/{number}", self.prefix)
    }

    pub(super) fn conditions(&self) -> String {
        format!("{}conditions", self.prefix)
    }

    pub(super) fn all_staged(&self) -> String {
        format!("{}staged/", self.prefix)
    }

    /// What the pieces of a staged share begin with; `nonce` tells them from those of another time.
    pub(super) fn staged(&self, index: StorageIndex, share: ShareNum, nonce: u64) -> String {
        format!("{}staged/{index}/{share}/{nonce:016x}/", self.prefix)
    }
}

/// The share number that follows `prefix`, if it is one.
pub(super) fn share_number(key: &str, prefix: &str) -> Option<ShareNum> {
    let text = key.strip_prefix(prefix)?;
    let number: u8 = text.parse().ok()?;
    (number.to_string() == text).then_some(ShareNum(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_number_is_that_of_a_share() {
        assert_eq!(share_number("p/7", "p/"), Some(ShareNum(7)));
        for bad in ["p/07", "p/256", "p/+7", "p/", "p/7/1", "q/7"] {
            assert_eq!(share_number(bad, "p/"), None, "{bad}");
        }
    }
}
