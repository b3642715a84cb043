//! Uploads one immutable file: key, homes for the shares, one segment after the other.
//!
//! Memory: one segment with its N blocks, whatever the length of the file, plus 32 bytes for each
//! segment of each share (hash trees are complete only at the end), doubled while the ends of the shares
//! are made. Which server gets what is decided in `plan::place`; requests are repeated in `job`
//! and, where room is sought, in `homes`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, SeekFrom};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};
use tokio::time::timeout_at;

use crate::client::Client;
use crate::crypto::{ConvergentKey, Key};
use crate::erasure::{CodingError, Segmentation, SegmentationError};
use crate::format::cap::{Cap, LITERAL_BYTES_MAX, LiteralCap, ReadCap};
use crate::format::hash::Digest;
use crate::format::secret::{cancel_secret, renew_secret};
use crate::format::share::{HashesError, Layout};
use crate::format::{Encoding, ServerId, ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::message::{LeaseSecrets, UploadSecret};
use crate::plan::Moment;
use crate::plan::place::UnhappyError;

mod crew;
mod encode;
mod homes;
mod job;
mod passes;
mod push;
mod refuge;
mod restore;

use crew::Crew;
use job::{Job, Peer};
use passes::Passes;
use push::Pushed;
pub(in crate::client) use restore::{Existing, Holdings};

/// Plaintext read at a time while a key is made of it, in bytes.
const KEY_PIECE_BYTES: usize = 256 * 1024;

/// How a file is to be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadOptions {
    /// How it is spread.
    pub encoding: Encoding,
    /// The servers of happiness it takes to succeed: 1 to N.
    pub happy: usize,
    /// What it is encrypted with.
    pub key: KeyChoice,
}

/// What a file is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChoice {
    /// A key made of the content and the client's convergence secret: the same file gets the same
    /// capability. The source is read twice.
    Convergent,
    /// A key drawn for this upload.
    Random,
    /// This key. Two different files must never have the same.
    Given(Key),
}

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Reads the file.
    pub cap: Cap,
    /// The shares that were written, and to whom. Complete on their servers.
    pub placed: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Shares that were there already. They are not compared with the file.
    pub existing: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Shares that lost a home and found no other, and why.
    pub lost: Vec<(ServerId, ShareNum, String)>,
    /// Shares that lost a home, and why, and have another one now.
    pub moved: Vec<(ServerId, ShareNum, String)>,
    /// The servers of happiness reached; 0 for a literal, which needs none.
    pub happiness: usize,
}

/// Why a file was not uploaded.
#[derive(Debug, Error)]
pub enum UploadError {
    /// The happiness asked for is not between 1 and N.
    #[error("{happy} servers of happiness cannot be had of {total} shares")]
    Happy {
        /// As asked for.
        happy: usize,
        /// N.
        total: usize,
    },
    /// The source failed.
    #[error("cannot read the source")]
    Source(#[from] io::Error),
    /// The source is not as long as it was at first.
    #[error("the source changed while it was read: {expected} bytes at first, then {}", if *.longer { "more" } else { "fewer" })]
    SourceChanged {
        /// Its length at first, in bytes.
        expected: u64,
        /// Whether it is longer now, or shorter.
        longer: bool,
    },
    /// The source was read again, and other bytes came.
    #[error("the source changed while it was read: other bytes the second time")]
    SourceDiffers,
    /// The file cannot be cut into segments.
    #[error(transparent)]
    Segmentation(#[from] SegmentationError),
    /// A segment with all its blocks does not fit this machine.
    #[error("a segment of {0} bytes does not fit into memory")]
    SegmentTooLong(u64),
    /// Not enough servers took shares and kept them.
    #[error(transparent)]
    Unhappy(#[from] UnhappyError),
    /// It took too long.
    #[error("not done after {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// Blocks could not be coded: a fault of this program.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// Shares could not be completed: a fault of this program.
    #[error(transparent)]
    Hashes(#[from] HashesError),
}

/// A file whose length and key are known.
pub(crate) enum Prepared {
    Literal(LiteralCap),
    Segments(Segmentation, Key),
}

impl<D: Dial + Clone> Client<D> {
    /// Uploads `source` from its start to its end.
    ///
    /// Succeeds when shares complete on their servers, and those found there, give the happiness asked
    /// for; otherwise every server is told to forget what it took. Shares that are lost on the way are placed
    /// on further servers in the end, if there are any, for which the source is read once more. Ends within
    /// `policy.upload.deadline`, whatever servers do. Dropping the future leaves incomplete shares
    /// behind, which servers discard after a while, or when this client uploads the same file again.
    pub async fn upload<S>(&self, source: &mut S, options: &UploadOptions) -> Result<Uploaded, UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let begun = self.now();
        let prepared = self.prepare_upload(source, options).await?;
        self.upload_prepared(source, prepared, options.happy, begun).await
    }

    /// Reads `source` to its end and goes back to its start: what there is to upload is known then.
    pub(crate) async fn prepare_upload<S>(
        &self,
        source: &mut S,
        options: &UploadOptions,
    ) -> Result<Prepared, UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let UploadOptions { encoding, happy, .. } = *options;
        if happy == 0 || happy > encoding.total() {
            return Err(UploadError::Happy { happy, total: encoding.total() });
        }
        let policy = &self.policy().upload;
        let work_max = policy.deadline.saturating_sub(policy.abort_max);
        let work_end = self.instant(self.now() + work_max);
        let late = |_| UploadError::Deadline(policy.deadline);
        timeout_at(work_end, self.prepare(source, options)).await.map_err(late)?
    }

    /// The rest of [`Client::upload`], which began at `begun`.
    pub(crate) async fn upload_prepared<S>(
        &self,
        source: &mut S,
        prepared: Prepared,
        happy: usize,
        begun: Moment,
    ) -> Result<Uploaded, UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let (cut, key) = match prepared {
            Prepared::Literal(cap) => return Ok(Uploaded::literal(cap)),
            Prepared::Segments(cut, key) => (cut, key),
        };
        let layout = Layout::for_upload(cut);
        let job = self.job(key.storage_index(), layout.share_size(cut), begun, None);
        let (pushed, ueb_hash) = self.push(&job, Passes::new(source, cut, layout, &key), happy).await?;
        let cap = ReadCap { key, ueb_hash, encoding: cut.encoding(), size: cut.size() };
        Ok(Uploaded::new(Cap::Chk(cap), &job, pushed))
    }

    /// Finds homes for shares, writes them, and cleans up.
    async fn push<S>(
        &self,
        job: &Job<'_, D>,
        passes: Passes<'_, S>,
        happy: usize,
    ) -> Result<(Pushed, Digest), UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let policy = &self.policy().upload;
        let late = |_| UploadError::Deadline(policy.deadline);
        let after = |span: Duration| self.instant(self.now() + span);
        let (end, work_end) = (self.instant(job.end), self.instant(job.end - policy.abort_max));
        let mut crew = Crew::new(job);
        let outcome = timeout_at(work_end, passes.run(&mut crew, happy)).await.map_err(late).flatten();
        let clean_end = after(policy.abort_max).min(end);
        match outcome {
            Ok(_) => crew.finish(clean_end, after(policy.answer_floor)).await,
            Err(_) => crew.clean(clean_end).await,
        }
        outcome
    }

    async fn prepare<S>(&self, source: &mut S, options: &UploadOptions) -> Result<Prepared, UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let size = source.seek(SeekFrom::End(0)).await?;
        source.rewind().await?;
        if size <= LITERAL_BYTES_MAX {
            let mut data = vec![0; usize::try_from(size).unwrap_or_default()];
            read_whole(source, &mut data, size).await?;
            check_end(source, size).await?;
            return Ok(Prepared::Literal(LiteralCap { data }));
        }
        let cut = Segmentation::new(size, options.encoding, self.policy().upload.segment_bytes_max)?;
        let key = match options.key {
            KeyChoice::Convergent => self.convergent_key(source, cut).await?,
            KeyChoice::Random => Key(self.random()),
            KeyChoice::Given(key) => key,
        };
        Ok(Prepared::Segments(cut, key))
    }

    /// Reads `source` to its end and goes back to its start.
    async fn convergent_key<S>(&self, source: &mut S, cut: Segmentation) -> Result<Key, UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let mut key = ConvergentKey::new(cut.encoding(), cut.segment_size(), &self.secrets().convergence);
        let mut left = cut.size();
        let mut buffer = vec![0; KEY_PIECE_BYTES];
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(KEY_PIECE_BYTES);
            read_whole(source, &mut buffer[..len], cut.size()).await?;
            key.update(&buffer[..len]);
            left -= len as u64;
            // A source in memory is always ready; others want to run, too.
            tokio::task::yield_now().await;
        }
        check_end(source, cut.size()).await?;
        source.rewind().await?;
        Ok(key.finish())
    }

    fn job<'a>(
        &'a self,
        index: StorageIndex,
        share_size: u64,
        begun: Moment,
        holdings: Option<&'a Holdings>,
    ) -> Job<'a, D> {
        let lease = &self.secrets().lease;
        let servers = self.health().order(self.permuted(index), |storage| &storage.info().id, self.now());
        let servers = servers.into_iter().map(|storage| {
            let seed = &storage.info().lease_seed;
            let renew = renew_secret(lease, index, seed);
            let cancel = cancel_secret(lease, index, seed);
            Peer { leases: LeaseSecrets { renew, cancel }, storage }
        });
        let servers = servers.collect();
        let end = begun + self.policy().upload.deadline;
        Job { client: self, servers, index, secret: UploadSecret(self.random()), share_size, end, holdings }
    }
}

impl Uploaded {
    fn literal(cap: LiteralCap) -> Self {
        Self {
            cap: Cap::Literal(cap),
            placed: BTreeMap::new(),
            existing: BTreeMap::new(),
            lost: Vec::new(),
            moved: Vec::new(),
            happiness: 0,
        }
    }

    fn new<D: Dial>(cap: Cap, job: &Job<'_, D>, pushed: Pushed) -> Self {
        let by_share = |by_server: &[BTreeSet<ShareNum>]| {
            let mut by_share = BTreeMap::<_, BTreeSet<_>>::new();
            for (peer, shares) in job.servers.iter().zip(by_server) {
                for share in shares {
                    by_share.entry(*share).or_default().insert(peer.id().clone());
                }
            }
            by_share
        };
        let (placed, existing) = (by_share(&pushed.complete), by_share(&pushed.existing));
        let has_home =
            |(_, share, _): &(_, ShareNum, _)| placed.contains_key(share) || existing.contains_key(share);
        let (moved, lost) = pushed.lost.into_iter().partition(has_home);
        Self { cap, placed, existing, lost, moved, happiness: pushed.happiness }
    }
}

/// Fills `buffer` from a source that should have `size` bytes in all.
async fn read_whole<S: AsyncRead + Unpin>(
    source: &mut S,
    buffer: &mut [u8],
    size: u64,
) -> Result<(), UploadError> {
    match source.read_exact(buffer).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(UploadError::SourceChanged { expected: size, longer: false })
        }
        Err(error) => Err(error.into()),
    }
}

async fn check_end<S: AsyncRead + Unpin>(source: &mut S, size: u64) -> Result<(), UploadError> {
    match source.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err(UploadError::SourceChanged { expected: size, longer: true }),
    }
}
