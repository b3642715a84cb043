//! What a backup keeps in its database, as far as it is computed: the hash by which a directory is known, when
//! to look again at what was stored, the metadata of what is stored.
//!
//! The database itself is a file that others open.

use super::base32;
use super::directory::Metadata;
use super::hash::{TaggedHasher, netstring};

/// The version of the tables.
pub const SCHEMA_VERSION: u32 = 2;

/// The tables, by name.
pub const TABLES: [&str; 5] = ["caps", "directories", "last_upload", "local_files", "version"];

const DAY_S: f64 = 86_400.0;
/// What was checked more recently than this is trusted.
const TRUSTED_S: f64 = 30.0 * DAY_S;
/// From the end of that time on, checking becomes certain within this time.
const DOUBT_GROWS_S: f64 = 30.0 * DAY_S;

/// The name under which the database knows a directory: made of the names of the children and the capabilities
/// that read them, in whatever order they come. Metadata has no part in it.
pub fn directory_hash<'a>(children: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut children: Vec<(&str, &str)> = children.into_iter().collect();
    children.sort_unstable();
    let mut hasher = TaggedHasher::new(b"allmydata_backupdb_dirhash_v1");
    for (name, cap) in children {
        hasher.update(&netstring(name.as_bytes())).update(&netstring(cap.as_bytes()));
    }
    base32::encode(&hasher.finish().0)
}

/// How likely something stored is to be checked before it is used again, from 0 to 1, by the seconds since it was
/// last checked.
pub fn check_probability(age_s: f64) -> f64 {
    ((age_s - TRUSTED_S) / DOUBT_GROWS_S).clamp(0.0, 1.0)
}

/// What a file system says about a file or a directory, as a backup keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attributes {
    /// When the inode was changed, in seconds since 1970.
    pub ctime_s: f64,
    /// When the content was changed, in seconds since 1970.
    pub mtime_s: f64,
    /// Kind and permissions.
    pub mode: u32,
    /// Number of the inode.
    pub inode: u64,
    /// Number of the device.
    pub device: u64,
    /// Number of the owner.
    pub user: u32,
    /// Number of the group.
    pub group: u32,
}

impl Attributes {
    /// The metadata of an entry.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        metadata.0.set("ctime", self.ctime_s);
        metadata.0.set("mtime", self.mtime_s);
        let numbers = [
            ("st_mode", self.mode.into()),
            ("st_ino", self.inode),
            ("st_dev", self.device),
            ("st_uid", self.user.into()),
            ("st_gid", self.group.into()),
        ];
        for (key, number) in numbers {
            metadata.0.set(key, number);
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_begins_after_a_month_and_is_full_after_two() {
        for (days, expected) in [(-1.0, 0.0), (0.0, 0.0), (30.0, 0.0), (45.0, 0.5), (60.0, 1.0), (1e9, 1.0)] {
            assert_eq!(check_probability(days * DAY_S), expected, "{days} days");
        }
    }

    #[test]
    fn attributes_are_written_in_the_order_of_tahoe() {
        let attributes = Attributes {
            ctime_s: 1336459086.25,
            mtime_s: 1336459086.0,
            mode: 33188,
            inode: 7,
            device: 2049,
            user: 1000,
            group: 100,
        };
        assert_eq!(
            attributes.metadata().to_string(),
            r#"{"ctime": 1336459086.25, "mtime": 1336459086.0, "st_mode": 33188, "st_ino": 7, "st_dev": 2049, "st_uid": 1000, "st_gid": 100}"#
        );
    }
}
