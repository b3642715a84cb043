//! Objects under the retry policy: what is asked of them here is repeated, and what may have happened is looked up.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{MutexGuard, PoisonError};

use http::StatusCode;

use super::calls::Failure;
use super::{S3Backend, keys, length};
use crate::format::ShareNum;
use crate::net::Dial;
use crate::net::s3::{Condition, ETag, Entry, Object, ObjectHead, Put};

/// How many pages the listing of one index may have: of 256 shares and whatever else is there.
const PAGES_MAX: usize = 4;

/// What became of a put under a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    /// The object is as it was to be; in this state, as far as is known.
    Stored(Option<ETag>),
    /// The condition does not hold.
    Refused,
}

impl<D: Dial> S3Backend<D> {
    pub(super) async fn head(&self, key: &str) -> Result<Option<ObjectHead>, Failure> {
        self.calls.run("HEAD", 0, async |when| self.client.head(key, &when).await).await
    }

    /// Bytes `range`, which is not empty, clipped to the end of the object.
    pub(super) async fn get(&self, key: &str, range: Range<u64>, bytes_max: u64) -> Result<Object, Failure> {
        let expected = (range.end - range.start).min(bytes_max);
        let expected = if range.end == u64::MAX { 0 } else { expected };
        let get = async |when| self.client.get(key, range.clone(), bytes_max, &when).await;
        self.calls.run("GET", expected, get).await
    }

    /// Deletes an object. If that may have happened, it is looked for.
    pub(super) async fn delete(&self, key: &str) -> Result<(), Failure> {
        let deleted = self.calls.run("DELETE", 0, async |when| self.client.delete(key, &when).await).await;
        match deleted {
            Err(failure) if failure.is_ambiguous() && matches!(self.head(key).await, Ok(None)) => Ok(()),
            deleted => deleted,
        }
    }

    /// Whether conditions are kept, as far as is known.
    pub(super) fn conditions(&self) -> MutexGuard<'_, Option<bool>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All keys below `prefix`, if they are no more than so many pages.
    pub(super) async fn list(&self, prefix: &str, pages_max: usize) -> Result<Vec<Entry>, Failure> {
        let (mut entries, mut from) = (Vec::new(), None::<String>);
        for _ in 0..pages_max {
            let list = async |when| self.client.list(prefix, from.as_deref(), &when).await;
            let page = self.calls.run("LIST", 0, list).await?;
            entries.extend(page.entries);
            from = page.next;
            if from.is_none() {
                return Ok(entries);
            }
        }
        Err(Failure::damaged("LIST", "too many keys"))
    }

    /// The share numbers below `prefix`, with what the listing says of them.
    pub(super) async fn list_shares(&self, prefix: &str) -> Result<Vec<(ShareNum, Entry)>, Failure> {
        let entries = self.list(prefix, PAGES_MAX).await?;
        let numbered = |entry: Entry| Some((keys::share_number(&entry.key, prefix)?, entry));
        Ok(entries.into_iter().filter_map(numbered).collect())
    }

    pub(super) async fn share_numbers(&self, prefix: &str) -> Result<BTreeSet<ShareNum>, Failure> {
        Ok(self.list_shares(prefix).await?.into_iter().map(|(share, _)| share).collect())
    }

    /// Stores an object under its condition. A put that may have happened is looked for before anything is said of it;
    /// that it did not happen is said only if it is not there, or nothing can be known.
    pub(super) async fn put(&self, put: &Put) -> Result<Settled, Failure> {
        let attempt = async |when| self.client.put(put, &when).await;
        let failure = match self.calls.run("PUT", length(&put.body), attempt).await {
            Ok(etag) => return Ok(Settled::Stored(Some(etag))),
            Err(failure) => failure,
        };
        let condition = put.condition != Condition::Always;
        // Of an object that is gone, a state that it was to be in is told in this way.
        let refused = condition
            && (failure.error.is(StatusCode::PRECONDITION_FAILED)
                || (failure.error.is(StatusCode::NOT_FOUND) && failure.error.has_code("NoSuchKey")));
        if failure.is_ambiguous() {
            match self.is_there(put).await {
                Ok(Some(etag)) => return Ok(Settled::Stored(Some(etag))),
                Ok(None) => {}
                // The object may be another one because an earlier attempt made it so.
                Err(unknown) if refused => return Err(unknown),
                Err(_) => {}
            }
        }
        if refused { Ok(Settled::Refused) } else { Err(failure) }
    }

    /// The state of the object if it is the very one that was put.
    async fn is_there(&self, put: &Put) -> Result<Option<ETag>, Failure> {
        let Some(head) = self.head(&put.key).await? else { return Ok(None) };
        let beside = put.metadata.iter().all(|(name, value)| {
            let name = name.trim_start_matches("x-amz-meta-");
            head.metadata.get(name) == Some(value)
        });
        if head.length != length(&put.body) || !beside {
            return Ok(None);
        }
        let same = match head.has_md5(put.md5()) {
            Some(same) => same,
            None if put.body.is_empty() => true,
            None => {
                let found = self.get(&put.key, 0..u64::MAX, head.length).await?;
                matches!(&found, Object::Piece { data, .. } if *data == put.body)
            }
        };
        Ok(same.then_some(head.etag))
    }

    /// Whether the service keeps conditions. Found out before the first one that something depends on.
    pub(super) async fn keeps_conditions(&self) -> Result<bool, Failure> {
        let known = *self.conditions();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut put = Put::new(self.keys.conditions(), "written to see whether conditions are kept\n".into());
        // Of the first condition one put at most can succeed, of the other none. A third try, since one may be taken
        // and lost.
        put.condition = Condition::IfNoneMatch;
        let mut kept = self.is_refused(&put, 3).await?;
        if kept {
            put.condition = Condition::IfMatch(ETag::of_nothing());
            kept = self.is_refused(&put, 1).await?;
        }
        *self.conditions() = Some(kept);
        Ok(kept)
    }

    /// Whether one of so many puts is refused for its condition.
    async fn is_refused(&self, put: &Put, tries: usize) -> Result<bool, Failure> {
        for _ in 0..tries {
            let attempt = async |when| self.client.put(put, &when).await;
            match self.calls.run("PUT", length(&put.body), attempt).await {
                Ok(_) => {}
                Err(failure) if failure.error.is(StatusCode::PRECONDITION_FAILED) => return Ok(true),
                Err(failure) if failure.error.is(StatusCode::NOT_IMPLEMENTED) => return Ok(false),
                Err(failure) => return Err(failure),
            }
        }
        Ok(false)
    }
}
