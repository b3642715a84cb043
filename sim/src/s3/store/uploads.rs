//! Multipart uploads: objects that are written in parts and are not there before they are complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use lafs::server::clock::UnixTime;

use super::super::headers::Headers;
use super::super::{
    KEY_BYTES_MAX, OBJECT_BYTES_MAX, PART_BYTES_MIN, PART_NUMBER_MAX, Refusal, UPLOADS_MAX, digest,
};
use super::{Object, Reality, State, Wish};

/// One part.
#[derive(Debug, Clone)]
pub(in super::super) struct Part {
    pub(in super::super) content: Bytes,
    md5: [u8; 16],
    pub(in super::super) modified: UnixTime,
}

impl Part {
    pub(in super::super) fn etag(&self) -> String {
        digest::whole_etag(self.md5)
    }
}

#[derive(Debug)]
pub(in super::super) struct Upload {
    pub(in super::super) begun: UnixTime,
    headers: Headers,
    pub(in super::super) parts: BTreeMap<u16, Part>,
}

/// A multipart upload that was neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingUpload {
    /// Which object it is to become.
    pub key: String,
    /// Its name.
    pub id: String,
    /// When it began.
    pub begun: UnixTime,
    /// The bytes of all its parts.
    pub bytes: u64,
}

/// A part as the one who completes an upload has it: its number and its entity tag.
pub(in super::super) type ClaimedPart = (u16, String);

/// The uploads of one bucket, by key and name.
#[derive(Debug, Default)]
pub(in super::super) struct Uploads(BTreeMap<(String, String), Upload>);

impl Uploads {
    pub(super) fn pending(&self) -> Vec<PendingUpload> {
        let pending = self.0.iter().map(|((key, id), upload)| PendingUpload {
            key: key.clone(),
            id: id.clone(),
            begun: upload.begun,
            bytes: upload.parts.values().map(|part| part.content.len() as u64).sum(),
        });
        pending.collect()
    }
}

impl State {
    /// Begins an upload. Answers its name.
    pub(in super::super) fn begin_upload(
        &mut self,
        bucket: &str,
        key: &str,
        headers: Headers,
    ) -> Result<String, Refusal> {
        if key.len() > KEY_BYTES_MAX {
            return Err(Refusal::KeyTooLong);
        }
        let begun = self.now();
        let id = format!("upload-{:016x}", self.uploads_begun);
        let uploads = &mut self.bucket_mut(bucket)?.uploads.0;
        if uploads.len() >= UPLOADS_MAX {
            return Err(Refusal::Full);
        }
        uploads.insert((key.to_owned(), id.clone()), Upload { begun, headers, parts: BTreeMap::new() });
        self.uploads_begun += 1;
        Ok(id)
    }

    pub(in super::super) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<&Upload, Refusal> {
        let at = (key.to_owned(), id.to_owned());
        self.bucket(bucket)?.uploads.0.get(&at).ok_or(Refusal::NoSuchUpload)
    }

    /// The uploads of a bucket, by key and name.
    pub(in super::super) fn pending(&self, bucket: &str) -> Result<Vec<PendingUpload>, Refusal> {
        Ok(self.bucket(bucket)?.uploads.pending())
    }

    pub(in super::super) fn put_part(
        &mut self,
        bucket: &str,
        key: &str,
        id: &str,
        number: i32,
        content: Bytes,
        reality: Reality,
    ) -> Result<Part, Refusal> {
        let number = u16::try_from(number).ok().filter(|number| (1..=PART_NUMBER_MAX).contains(number));
        let number = number.ok_or(Refusal::InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive",
        ))?;
        if content.len() > OBJECT_BYTES_MAX {
            return Err(Refusal::EntityTooLarge);
        }
        let modified = self.now();
        let at = (key.to_owned(), id.to_owned());
        let upload = self.bucket_mut(bucket)?.uploads.0.get_mut(&at).ok_or(Refusal::NoSuchUpload)?;
        let part = Part { md5: digest::md5(&content), content, modified };
        if reality != Reality::Lost {
            upload.parts.insert(number, part.clone());
        }
        Ok(part)
    }

    /// Puts the parts together, which makes the object.
    pub(in super::super) fn complete_upload(
        &mut self,
        bucket: &str,
        key: &str,
        id: &str,
        claimed: &[ClaimedPart],
        wish: &Wish,
        reality: Reality,
    ) -> Result<Arc<Object>, Refusal> {
        let upload = self.upload(bucket, key, id)?;
        if claimed.is_empty() {
            return Err(Refusal::MalformedXml);
        }
        if !claimed.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(Refusal::InvalidPartOrder);
        }
        let mut parts = Vec::with_capacity(claimed.len());
        let mut bytes = 0;
        for (at, (number, etag)) in claimed.iter().enumerate() {
            let part = upload.parts.get(number).filter(|part| part.etag() == *etag);
            let part = part.ok_or(Refusal::InvalidPart)?;
            if part.content.len() < PART_BYTES_MIN && at + 1 < claimed.len() {
                return Err(Refusal::EntityTooSmall);
            }
            bytes += part.content.len();
            if bytes > OBJECT_BYTES_MAX {
                return Err(Refusal::EntityTooLarge);
            }
            parts.push(part);
        }
        let mut content = BytesMut::with_capacity(bytes);
        for part in &parts {
            content.extend_from_slice(&part.content);
        }
        let md5s: Vec<[u8; 16]> = parts.iter().map(|part| part.md5).collect();
        let object = Object {
            content: content.freeze(),
            etag: digest::joined_etag(&md5s),
            headers: upload.headers.clone(),
            modified: UnixTime(0),
        };
        let object = self.put(bucket, key, object, wish, reality)?;
        self.abort_upload(bucket, key, id, reality)?;
        Ok(object)
    }

    pub(in super::super) fn abort_upload(
        &mut self,
        bucket: &str,
        key: &str,
        id: &str,
        reality: Reality,
    ) -> Result<(), Refusal> {
        let at = (key.to_owned(), id.to_owned());
        let uploads = &mut self.bucket_mut(bucket)?.uploads.0;
        if !uploads.contains_key(&at) {
            return Err(Refusal::NoSuchUpload);
        }
        if reality != Reality::Lost {
            uploads.remove(&at);
        }
        Ok(())
    }
}
