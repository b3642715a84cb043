//! Buckets and objects in memory, and what each object was before its last change.
//!
//! Deterministic: the clock is handed in, and what has to be unique is counted.

mod uploads;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lafs::server::clock::{Clock, UnixTime};

use super::headers::Headers;
use super::{BUCKETS_MAX, GONE_MAX, KEY_BYTES_MAX, OBJECT_BYTES_MAX, OBJECTS_MAX, Page, Query, Refusal};
use super::{digest, list};

pub use uploads::PendingUpload;
pub(super) use uploads::{ClaimedPart, Uploads};

/// Shorter contents are copied: they may be a small part of a buffer that would be kept with them.
const KEEP_BYTES_MIN: usize = 32 * 1024;

/// An object, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub content: Bytes,
    /// The MD5 of them in hexadecimal digits, or of the MD5s of the parts with `-N` behind it; without quotes.
    pub etag: String,
    /// What is given back with it: `content-type`, `x-amz-meta-...`, `x-amz-checksum-...`.
    pub headers: Headers,
    /// When it was written.
    pub modified: UnixTime,
}

impl Object {
    /// An object whose entity tag is that of its content. It is dated when it is stored.
    pub fn new(content: Bytes, headers: Headers) -> Self {
        let etag = digest::whole_etag(digest::md5(&content));
        Self { content, etag, headers, modified: UnixTime(0) }
    }
}

/// Under which condition something is changed. Entity tags are without quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wish {
    /// None.
    #[default]
    Always,
    /// There is no such object.
    Absent,
    /// There is such an object.
    Present,
    /// The object has this entity tag.
    Matches(String),
}

/// One key of a bucket.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) now: Option<Arc<Object>>,
    /// What `now` was until the last change.
    pub(super) before: Option<Arc<Object>>,
    /// Which change of the store was the last of this key.
    pub(super) changed: u64,
}

pub(super) type Shelf = BTreeMap<Arc<str>, Entry>;

pub(super) struct Bucket {
    pub(super) created: UnixTime,
    shelf: Shelf,
    /// Entries that have an object.
    objects: usize,
    uploads: Uploads,
}

struct Change {
    bucket: Arc<str>,
    key: Arc<str>,
    now: Option<Arc<Object>>,
}

/// What the store and its services share.
pub(super) struct State {
    clock: Clock,
    buckets: BTreeMap<Arc<str>, Bucket>,
    changes: u64,
    uploads_begun: u64,
    /// Entries without an object, oldest first.
    gone: VecDeque<(Arc<str>, Arc<str>)>,
    untold: VecDeque<Change>,
}

/// Whether a request finds things as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reality {
    /// It does.
    #[default]
    Plain,
    /// It reads what was there before the last change.
    Stale,
    /// What it changes is acknowledged and not done.
    Lost,
}

impl State {
    pub(super) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    pub(super) fn create_bucket(&mut self, name: &str) -> Result<(), Refusal> {
        if self.buckets.contains_key(name) {
            return Err(Refusal::BucketAlreadyOwnedByYou);
        }
        if self.buckets.len() >= BUCKETS_MAX {
            return Err(Refusal::TooManyBuckets);
        }
        let bucket =
            Bucket { created: self.now(), shelf: Shelf::new(), objects: 0, uploads: Uploads::default() };
        self.buckets.insert(name.into(), bucket);
        Ok(())
    }

    pub(super) fn delete_bucket(&mut self, name: &str) -> Result<(), Refusal> {
        if self.bucket(name)?.objects > 0 {
            return Err(Refusal::BucketNotEmpty);
        }
        self.gone.retain(|(bucket, _)| **bucket != *name);
        self.buckets.remove(name);
        Ok(())
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = (&Arc<str>, &Bucket)> {
        self.buckets.iter()
    }

    pub(super) fn bucket(&self, name: &str) -> Result<&Bucket, Refusal> {
        self.buckets.get(name).ok_or(Refusal::NoSuchBucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Refusal> {
        self.buckets.get_mut(name).ok_or(Refusal::NoSuchBucket)
    }

    pub(super) fn get(&self, bucket: &str, key: &str, reality: Reality) -> Result<Arc<Object>, Refusal> {
        let entry = self.bucket(bucket)?.shelf.get(key);
        let shown = match reality {
            Reality::Stale => entry.and_then(|entry| entry.before.as_ref()),
            Reality::Plain | Reality::Lost => entry.and_then(|entry| entry.now.as_ref()),
        };
        shown.cloned().ok_or(Refusal::NoSuchKey)
    }

    pub(super) fn list(&self, bucket: &str, query: Query<'_>, reality: Reality) -> Result<Page, Refusal> {
        Ok(list::list(&self.bucket(bucket)?.shelf, query, reality == Reality::Stale))
    }

    fn check(&self, bucket: &str, key: &str, wish: &Wish) -> Result<(), Refusal> {
        let held = self.bucket(bucket)?.shelf.get(key).and_then(|entry| entry.now.as_ref());
        match (wish, held) {
            (Wish::Always, _) | (Wish::Absent, None) | (Wish::Present, Some(_)) => Ok(()),
            (Wish::Matches(etag), Some(held)) if *etag == held.etag => Ok(()),
            (Wish::Present | Wish::Matches(_), None) => Err(Refusal::NoSuchKey),
            (Wish::Absent | Wish::Matches(_), Some(_)) => Err(Refusal::PreconditionFailed),
        }
    }

    /// Stores an object and dates it. Answers it as it is stored.
    pub(super) fn put(
        &mut self,
        bucket: &str,
        key: &str,
        mut object: Object,
        wish: &Wish,
        reality: Reality,
    ) -> Result<Arc<Object>, Refusal> {
        if key.len() > KEY_BYTES_MAX {
            return Err(Refusal::KeyTooLong);
        }
        if object.content.len() > OBJECT_BYTES_MAX {
            return Err(Refusal::EntityTooLarge);
        }
        self.check(bucket, key, wish)?;
        if self.bucket(bucket)?.objects >= OBJECTS_MAX {
            return Err(Refusal::Full);
        }
        if object.content.len() < KEEP_BYTES_MIN {
            object.content = Bytes::copy_from_slice(&object.content);
        }
        object.modified = self.now();
        let object = Arc::new(object);
        if reality != Reality::Lost {
            self.change(bucket, key, Some(object.clone()))?;
        }
        Ok(object)
    }

    /// Removes an object. Answers whether it was there.
    pub(super) fn remove(
        &mut self,
        bucket: &str,
        key: &str,
        wish: &Wish,
        reality: Reality,
    ) -> Result<bool, Refusal> {
        // Whoever deletes under a condition and finds nothing is told that the condition failed.
        self.check(bucket, key, wish).map_err(|refusal| match refusal {
            Refusal::NoSuchKey => Refusal::PreconditionFailed,
            other => other,
        })?;
        let held = self.get(bucket, key, Reality::Plain).is_ok();
        if held && reality != Reality::Lost {
            self.change(bucket, key, None)?;
        }
        Ok(held)
    }

    fn change(&mut self, bucket: &str, key: &str, now: Option<Arc<Object>>) -> Result<(), Refusal> {
        self.changes += 1;
        let changed = self.changes;
        let (bucket, held) = match self.buckets.get_key_value(bucket) {
            Some((name, _)) => (name.clone(), self.bucket_mut(bucket)?),
            None => return Err(Refusal::NoSuchBucket),
        };
        let key: Arc<str> = match held.shelf.get_key_value(key) {
            Some((key, _)) => key.clone(),
            None => key.into(),
        };
        let entry = held.shelf.entry(key.clone()).or_default();
        held.objects = held.objects + usize::from(now.is_some()) - usize::from(entry.now.is_some());
        entry.before = std::mem::replace(&mut entry.now, now.clone());
        entry.changed = changed;
        if now.is_none() {
            self.gone.push_back((bucket.clone(), key.clone()));
            self.forget();
        }
        self.untold.push_back(Change { bucket, key, now });
        Ok(())
    }

    /// Forgets what those were that have been gone for longest.
    fn forget(&mut self) {
        while self.gone.len() > GONE_MAX {
            let Some((bucket, key)) = self.gone.pop_front() else { return };
            let Ok(bucket) = self.bucket_mut(&bucket) else { continue };
            if bucket.shelf.get(&key).is_some_and(|entry| entry.now.is_none()) {
                bucket.shelf.remove(&key);
            }
        }
    }
}

/// What a store and the services on it have in common.
pub(super) type Shared = Arc<Mutex<State>>;

/// Nothing is left half done by whoever panics while it holds the lock.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

type Observer = Box<dyn Fn(&str, &str, Option<&Object>)>;

/// Buckets in memory. Clones share one store.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Shared,
    observers: Rc<RefCell<Vec<Observer>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = lock(&self.shared);
        f.debug_struct("Store").field("buckets", &state.buckets.keys()).finish_non_exhaustive()
    }
}

impl Store {
    /// An empty store, which dates what is written by `clock`.
    pub fn new(clock: Clock) -> Self {
        let state = State {
            clock,
            buckets: BTreeMap::new(),
            changes: 0,
            uploads_begun: 0,
            gone: VecDeque::new(),
            untold: VecDeque::new(),
        };
        Self { shared: Arc::new(Mutex::new(state)), observers: Rc::default() }
    }

    /// Tells `observer` of every change from now on, before anything else happens: bucket, key, and the new object or
    /// that it is gone. It may look at the store and change it.
    ///
    /// # Panics
    ///
    /// An observer adds another one.
    pub fn on_change(&self, observer: impl Fn(&str, &str, Option<&Object>) + 'static) {
        self.observers.borrow_mut().push(Box::new(observer));
    }

    /// Tells the observers what they have not been told. Whoever gives the state to a [`super::Service`] of its own
    /// calls this after each answer; a [`super::Handler`] does.
    pub fn tell(&self) {
        loop {
            let change = lock(&self.shared).untold.pop_front();
            let Some(Change { bucket, key, now }) = change else { return };
            for observer in self.observers.borrow().iter() {
                observer(&bucket, &key, now.as_deref());
            }
        }
    }

    /// A new bucket.
    ///
    /// # Errors
    ///
    /// It is there already, or there are too many. Its name is not looked at.
    pub fn create_bucket(&self, name: &str) -> Result<(), Refusal> {
        lock(&self.shared).create_bucket(name)
    }

    /// The names of all buckets, in order.
    pub fn buckets(&self) -> Vec<String> {
        lock(&self.shared).buckets.keys().map(|name| name.to_string()).collect()
    }

    /// The keys below a prefix, in order; none if there is no such bucket.
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let query = Query { prefix, items_max: usize::MAX, ..Query::default() };
        let page = lock(&self.shared).list(bucket, query, Reality::Plain).unwrap_or_default();
        page.items.iter().map(|item| item.name().to_owned()).collect()
    }

    /// An object.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        lock(&self.shared).get(bucket, key, Reality::Plain).ok()
    }

    /// What the object was before its last change; nothing if it was not there.
    pub fn before(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        lock(&self.shared).get(bucket, key, Reality::Stale).ok()
    }

    /// Stores an object, whatever was there.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or a bound is passed.
    pub fn put(&self, bucket: &str, key: &str, object: Object) -> Result<(), Refusal> {
        lock(&self.shared).put(bucket, key, object, &Wish::Always, Reality::Plain)?;
        self.tell();
        Ok(())
    }

    /// Removes an object. Answers whether it was there.
    pub fn remove(&self, bucket: &str, key: &str) -> bool {
        let held = lock(&self.shared).remove(bucket, key, &Wish::Always, Reality::Plain);
        self.tell();
        held == Ok(true)
    }

    /// The multipart uploads under way in a bucket, by key; none if there is no such bucket.
    pub fn uploads(&self, bucket: &str) -> Vec<PendingUpload> {
        let state = lock(&self.shared);
        state.bucket(bucket).map(|bucket| bucket.uploads.pending()).unwrap_or_default()
    }
}
