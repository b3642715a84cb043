//! Every timeout, multiple and budget of the client, in one type.
//!
//! The defaults are for servers a few milliseconds to a few hundred milliseconds away. No value is
//! read anywhere but from here, and nothing here is read by the server.

use std::time::Duration;

use super::doubled;
use crate::format::Encoding;

/// Longer than any operation.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How patient, how eager and how wasteful a client may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Limits of one request on one connection.
    pub transport: TransportPolicy,
    /// When an answer is overdue and what is done about it.
    pub overdue: OverduePolicy,
    /// Limits of a whole download.
    pub download: DownloadPolicy,
    /// Limits of a whole upload.
    pub upload: UploadPolicy,
    /// Limits of operations on mutable files.
    pub mutable: MutablePolicy,
    /// How a backup goes about its files.
    pub backup: BackupPolicy,
}

/// When the transport gives a request up. Longer than anything in [`OverduePolicy`]: being overdue
/// makes the client ask elsewhere, giving up makes it stop listening.
#[derive(Debug, Clone, PartialEq)]
pub struct TransportPolicy {
    /// From the start of a connection attempt to its success.
    pub connect_max: Duration,
    /// The longest time in which no byte of a request or its answer moves.
    pub silence_max: Duration,
    /// Idle connections kept for reuse, for each server.
    pub idle_connections_max: usize,
    /// An idle connection older than this is closed rather than reused.
    pub idle_age_max: Duration,
    /// The longest body of an answer that is not share data, in bytes.
    pub message_bytes_max: usize,
    /// No server that fails is left alone longer than this because it asks for it. Default 5 s.
    pub retry_after_max: Duration,
}

/// When a request counts as overdue: after `multiple` times the longest good answer seen for the
/// same segment, scaled by bytes, but never before `floor` nor after `ceiling`.
#[derive(Debug, Clone, PartialEq)]
pub struct OverduePolicy {
    /// Whether a server whose answer is overdue is asked the same anew after a while.
    pub asks_anew: bool,
    /// Applied to the longest good answer.
    pub multiple: u32,
    /// Below this the scheduling noise of the machines decides, not the network.
    pub floor: Duration,
    /// No request is waited for alone longer than this.
    pub ceiling: Duration,
    /// Stands in for `multiple` times the longest good answer while there was none.
    pub first: Duration,
    /// An answer whose bytes come more slowly than this, in bytes per second, is overdue like one that is
    /// silent. It is still used when it comes. Default 1 KiB/s.
    pub crawl_rate: u64,
    /// Requests made only because a spare might be faster: at most this percentage of the blocks
    /// of a file (and at least one).
    pub hedge_percent_max: u32,
    /// Whether the hash trees of a spare share are fetched ahead, so that a switch costs one round trip.
    pub warm_spare: bool,
    /// What a mebibyte is assumed to take a server that never sent anything long. Default 1 s.
    pub mebibyte_assumed: Duration,
    /// A server that was overdue or failed is asked last until this much time has passed; doubled
    /// for each further failure in a row, up to `probe_after_max`.
    pub probe_after: Duration,
    /// See `probe_after`.
    pub probe_after_max: Duration,
}

/// Limits of a whole download.
#[derive(Debug, Clone, PartialEq)]
pub struct DownloadPolicy {
    /// "Which shares do you have" questions under way at a time, overdue ones not counted.
    pub queries_max: usize,
    /// Further shares looked for beyond the k that are needed, as spares.
    pub spares_wanted: usize,
    /// A share source that failed for a reason that may pass is asked again this many times ...
    pub retries_max: u32,
    /// ... after this long, doubled each time, and only when nothing better is left.
    pub retry_after: Duration,
    /// The download ends with an error when nothing useful arrived for this long.
    pub stall_max: Duration,
    /// Shares expected to be no longer than this, in bytes, are read whole, in one request. Default 64 KiB.
    pub whole_share_bytes_max: u64,
    /// What lies behind the blocks of a share is read in one request if it is no longer than this, in bytes.
    /// Default 160 KiB.
    pub trailer_bytes_max: u64,
    /// Corruption reports under way at a time; further ones are not sent. Default 16.
    pub reports_max: usize,
    /// When all bytes are delivered, or cannot be, corruption reports under way are given this long to arrive.
    pub report_max: Duration,
    /// The download ends, successfully or not, within this time.
    pub deadline: Duration,
}

/// Limits of a whole upload.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadPolicy {
    /// The happiness aimed for when the caller does not say: servers of happiness.
    pub happy: usize,
    /// Plaintext bytes in a segment at most (rounded up to a multiple of k).
    pub segment_bytes_max: u64,
    /// While homes for shares are sought, no answer is overdue before this. Longer than
    /// [`OverduePolicy::floor`]: passing over a server that is merely slow costs spread for good.
    /// Default 100 ms.
    pub answer_floor: Duration,
    /// The longest share a server takes, once asked, is not asked again for this long. Default 60 s.
    pub room_age_max: Duration,
    /// A question to a server that fails for a reason that may pass is repeated at once, this many times.
    /// Default 1.
    pub retries_max: u32,
    /// An allocation that fails for a reason that may pass is made again this many times. Default 2 ...
    pub allocate_retries_max: u32,
    /// ... after this long, doubled each time. Default 50 ms.
    pub allocate_retry_after: Duration,
    /// A write that fails for a reason that may pass is made again this many times, at first at once. Default 3 ...
    pub write_retries_max: u32,
    /// ... and then after this long, doubled each time. Default 50 ms.
    pub write_retry_after: Duration,
    /// A write must be silent at least this long before its server counts as lost. Default 2 s.
    pub write_floor: Duration,
    /// The slowest link of which nobody is called silent, in bytes per second. What a connection has taken
    /// may still be in its buffers, so a write is silent for that many bytes at this pace before anything is
    /// held against its server. Default 32 KiB/s.
    pub write_rate_min: u64,
    /// Shares that are lost while they are written are placed anew, from a source that is read again, at most
    /// this many times. 0: never. Default 2.
    pub anew_rounds_max: u32,
    /// All that together may take as long as the first pass over the source took, and this much longer.
    /// Default 30 s.
    pub anew_max: Duration,
    /// Whether a lost share may go to a server that has one of the file already, when there is no other. It
    /// raises no happiness, and the source is read for it once more. Default no.
    pub anew_beside_another: bool,
    /// What cleaning up after a failed upload may take.
    pub abort_max: Duration,
    /// The upload ends, successfully or not, within this time.
    pub deadline: Duration,
}

/// Limits of operations on mutable files.
#[derive(Debug, Clone, PartialEq)]
pub struct MutablePolicy {
    /// The longest content, in bytes: all of it is in memory, with all its shares. Default 128 MiB.
    pub bytes_max: u64,
    /// k and N that are expected of a file of which nothing is known yet. Default 3 and 10.
    pub expected: Encoding,
    /// How much of each share is read when servers are asked what they hold, in bytes. Default 4 KiB.
    pub first_read_bytes: u64,
    /// A request that fails for a reason that may pass is made again this many times. Default 3 ...
    pub retries_max: u32,
    /// ... after this long, doubled each time. Default 50 ms.
    pub retry_after: Duration,
    /// A read begins anew this many times when others write meanwhile, or when what it found does not do.
    /// Default 8.
    pub restarts_max: usize,
    /// A file of which too little was found is looked for again this many times, `download.retry_after` later. Default 2.
    pub second_looks_max: u32,
    /// A write that others came ahead of is tried this many times in all. Default 8 ...
    pub attempts_max: usize,
    /// ... and after the first time waits this long, give or take half of it. Doubled each time. Default 250 ms.
    pub collision_after: Duration,
    /// A write must be silent at least this long before its server counts as lost. Default 500 ms.
    pub write_floor: Duration,
    /// An operation ends with an error when nothing useful arrived for this long.
    pub stall_max: Duration,
    /// An operation ends, successfully or not, within this time.
    pub deadline: Duration,
}

/// How a backup goes about its files and directories.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupPolicy {
    /// Files and directories listed, checked or uploaded at a time. Each has one segment with its blocks in memory.
    /// Default 16.
    pub items_at_a_time: usize,
    /// What fails for a reason that may pass is tried again this many times. Default 3 ...
    pub retries_max: u32,
    /// ... after this long, give or take half of it, doubled each time. Default 500 ms ...
    pub retry_after: Duration,
    /// ... up to this. Default 10 s.
    pub retry_after_max: Duration,
}

impl Policy {
    /// The same for a client that asks nobody the same thing twice: what fails once has failed. It still asks others
    /// instead, and a request that died on a connection the server had closed is sent again on another one.
    pub fn without_retries(mut self) -> Self {
        self.overdue.asks_anew = false;
        self.download.retries_max = 0;
        self.upload.retries_max = 0;
        self.upload.write_retries_max = 0;
        self.upload.allocate_retries_max = 0;
        self.upload.anew_rounds_max = 0;
        self.mutable.retries_max = 0;
        self.mutable.restarts_max = 0;
        self.mutable.second_looks_max = 0;
        self.mutable.attempts_max = 1;
        self.backup.retries_max = 0;
        self
    }

    /// When answers to short questions are overdue, where passing over a server that is merely slow has a price: not before
    /// [`UploadPolicy::answer_floor`].
    pub fn for_short_answers(&self) -> OverduePolicy {
        let floor = self.overdue.floor.max(self.upload.answer_floor);
        OverduePolicy { floor, ..self.overdue.clone() }
    }
}

impl OverduePolicy {
    /// How long an answer may take, if a good one took `usual`; if that is known.
    pub fn patience(&self, usual: Option<Duration>) -> Duration {
        usual
            .map_or(self.first, |usual| usual.saturating_mul(self.multiple))
            .clamp(self.floor, self.ceiling.max(self.floor))
    }

    /// How many requests may be made for a file of so many blocks only because a spare might be faster.
    pub fn hedges_max(&self, blocks: u64) -> usize {
        let hedges = blocks.saturating_mul(u64::from(self.hedge_percent_max)) / 100;
        usize::try_from(hedges.max(1)).unwrap_or(usize::MAX)
    }

    /// How much longer a request that became overdue after `waited` is waited for before the same is asked
    /// anew, for the `again`th time: its connection may be one that the server has forgotten. Doubled each
    /// time and without a limit but [`TransportPolicy::silence_max`], so that a link on which nothing comes
    /// sooner is left enough time in the end.
    pub fn again_after(&self, waited: Duration, again: u32) -> Duration {
        if self.asks_anew { doubled(waited.max(self.first), again) } else { NEVER }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            transport: TransportPolicy {
                connect_max: Duration::from_secs(20),
                silence_max: Duration::from_secs(30),
                idle_connections_max: 4,
                idle_age_max: Duration::from_secs(60),
                message_bytes_max: 64 * 1024,
                retry_after_max: Duration::from_secs(5),
            },
            overdue: OverduePolicy {
                asks_anew: true,
                multiple: 3,
                floor: Duration::from_millis(20),
                ceiling: Duration::from_secs(10),
                first: Duration::from_secs(2),
                crawl_rate: 1024,
                hedge_percent_max: 5,
                warm_spare: true,
                mebibyte_assumed: Duration::from_secs(1),
                probe_after: Duration::from_secs(5),
                probe_after_max: Duration::from_secs(300),
            },
            download: DownloadPolicy {
                queries_max: 10,
                spares_wanted: 3,
                retries_max: 3,
                retry_after: Duration::from_millis(250),
                stall_max: Duration::from_secs(60),
                whole_share_bytes_max: 64 * 1024,
                trailer_bytes_max: 160 * 1024,
                reports_max: 16,
                report_max: Duration::from_millis(500),
                deadline: Duration::from_secs(24 * 3600),
            },
            upload: UploadPolicy {
                happy: 7,
                segment_bytes_max: 1024 * 1024,
                answer_floor: Duration::from_millis(100),
                room_age_max: Duration::from_secs(60),
                retries_max: 1,
                allocate_retries_max: 2,
                allocate_retry_after: Duration::from_millis(50),
                write_retries_max: 3,
                write_retry_after: Duration::from_millis(50),
                write_floor: Duration::from_secs(2),
                write_rate_min: 32 * 1024,
                anew_rounds_max: 2,
                anew_max: Duration::from_secs(30),
                anew_beside_another: false,
                abort_max: Duration::from_secs(5),
                deadline: Duration::from_secs(24 * 3600),
            },
            mutable: MutablePolicy {
                bytes_max: 128 * 1024 * 1024,
                expected: Encoding::THREE_OF_TEN,
                first_read_bytes: 4096,
                retries_max: 3,
                retry_after: Duration::from_millis(50),
                restarts_max: 8,
                second_looks_max: 2,
                attempts_max: 8,
                collision_after: Duration::from_millis(250),
                write_floor: Duration::from_millis(500),
                stall_max: Duration::from_secs(60),
                deadline: Duration::from_secs(600),
            },
            backup: BackupPolicy {
                items_at_a_time: 16,
                retries_max: 3,
                retry_after: Duration::from_millis(500),
                retry_after_max: Duration::from_secs(10),
            },
        }
    }
}
