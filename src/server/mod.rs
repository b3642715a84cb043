//! One storage server without sockets: it keeps shares and leases in a backend.
//!
//! No client code and no decisions of a client; its clock is a parameter. [`StorageServer`] answers
//! requests wherever `net::serve` gets them from.

use std::sync::Arc;

use data_encoding::BASE64;
use http::{Request, Response};
use hyper::body::Incoming;

use self::access::Secrets;
use self::backend::{Backend, BackendError};
use self::clock::Clock;
use self::mutable::Slots;
use self::reply::Refusal;
use self::route::Route;
use self::upload::Uploads;
use crate::net::serve::{Handle, ResponseBody};

mod access;
pub mod backend;
pub mod clock;
mod immutable;
mod lease;
mod mutable;
mod reply;
mod route;
mod share;
mod spans;
mod upload;

/// The longest body of an allocation, in bytes.
pub const ALLOCATE_BYTES_MAX: usize = 8192;
/// The longest body of a corruption report, in bytes.
pub const CORRUPT_BYTES_MAX: usize = 32768;
/// The most bytes of a share that one request can write.
pub const WRITE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How long a lease runs, in seconds: 31 days.
pub const LEASE_SECONDS: u64 = 31 * 24 * 3600;
/// An upload that is not written to for this long is forgotten, in seconds.
pub const UPLOAD_SECONDS: u64 = 30 * 60;
/// Incomplete shares at a time.
pub const UPLOADS_MAX: usize = 65536;
/// Separate written pieces an incomplete share can have.
pub const SPANS_MAX: usize = 1024;
/// The longest upload secret, in bytes. Tahoe sends 20.
pub const UPLOAD_SECRET_BYTES_MAX: usize = 256;
/// The longest write enabler, in bytes. Tahoe sends 32.
pub const WRITE_ENABLER_BYTES_MAX: usize = 256;
/// The longest mutable share, in bytes: one is changed in memory as a whole.
pub const MUTABLE_SHARE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The longest body of a request that writes mutable shares, in bytes: the longest share and what goes with it.
pub const TEST_WRITE_BYTES_MAX: usize = 129 * 1024 * 1024;
/// The most bytes that all mutable shares which one request changes may have together.
pub const CHANGED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A storage server on a backend.
pub struct StorageServer<B> {
    backend: Arc<B>,
    authorization: Vec<u8>,
    clock: Clock,
    uploads: Uploads,
    slots: Slots,
}

impl<B: Backend> StorageServer<B> {
    /// Starts on `backend`, whose incomplete shares of an earlier run are discarded. `swissnum` grants
    /// access.
    pub async fn start(backend: B, swissnum: &[u8], clock: Clock) -> Result<Self, BackendError> {
        backend.discard_incomplete().await?;
        let authorization = format!("Tahoe-LAFS {}", BASE64.encode(swissnum)).into_bytes();
        let (uploads, slots) = (Uploads::default(), Slots::default());
        Ok(Self { backend: Arc::new(backend), authorization, clock, uploads, slots })
    }

    /// Where the shares are.
    pub fn backend(&self) -> &B {
        &self.backend
    }
}

impl<B: Backend + 'static> Handle for StorageServer<B> {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let (head, mut body) = request.into_parts();
        match self.answer(&head, &mut body).await {
            Ok(response) => response,
            Err(refusal) => {
                // A client that is still sending would see a reset in place of the answer.
                reply::drain(&mut body).await;
                refusal.response()
            }
        }
    }
}

impl<B: Backend + 'static> StorageServer<B> {
    async fn answer(
        &self,
        head: &http::request::Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let route = Route::parse(&head.method, head.uri.path())?;
        access::check_swissnum(&head.headers, &self.authorization)?;
        let secrets = Secrets::parse(&head.headers, route.secrets())?;
        match route {
            Route::Version => self.version(head).await,
            Route::Lease { index } => self.renew(index, &secrets).await,
            Route::Allocate { index } => self.allocate(index, &secrets, head, body).await,
            Route::Shares { index } => self.list(index, head).await,
            Route::Read { index, share } => self.read(index, share, head).await,
            Route::Write { index, share } => self.write(index, share, &secrets, head, body).await,
            Route::Abort { index, share } => self.abort(index, share, &secrets).await,
            Route::Corrupt { index, share } => self.corrupt(index, share, head, body).await,
            Route::TestWrite { index } => self.test_write(index, &secrets, head, body).await,
            Route::MutableShares { index } => self.list_mutable(index, head).await,
            Route::MutableRead { index, share } => self.read_mutable(index, share, head).await,
            Route::MutableCorrupt { index, share } => self.corrupt_mutable(index, share, head, body).await,
        }
    }
}
