//! `squall serve-s3`: the simulated S3 on a real socket.
//!
//! Here the clock of the machine is read, for the dates of objects and as the seed of identifiers. No TLS.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use lafs::net::Listen;
use lafs::net::serve::{Handle, ResponseBody, ServeLimits, serve};
use lafs::net::tcp::TcpListen;
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use s3s::validation::{AwsNameValidation, NameValidation};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::out::{Done, Out, complain};
use crate::s3::front::{Served, Unservable};
use crate::s3::{Handler, KeyPair, Store};
use crate::scenario;
use crate::verdict::ExitCode;
use crate::world::wire::Tampering;

pub(super) const EXAMPLES: &str = "\
Examples:
  squall serve-s3 --port 9000 --bucket shares       anybody may read and write
  squall serve-s3 --port 0 --verbose                a free port, which is printed; requests on stderr
  squall serve-s3 --port 9000 --bucket shares --faults bad-day.toml
  squall serve-s3 --port 9000 --bucket shares --access-key me --secret-key secret

  AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x aws --endpoint-url http://127.0.0.1:9000 s3 ls s3://shares

When it is ready it prints one line with its URL; it ends with Ctrl-C or SIGTERM. Buckets are named in the path, not in
the host name. Signatures are looked at only if there are keys.

Exit codes: 0 if it served, 2 otherwise.";

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct ServeS3 {
    /// Where to listen; 0 picks a free port.
    #[arg(long, value_name = "PORT")]
    port: u16,
    /// On which address of this machine.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// A bucket that is there from the beginning. Can be given several times.
    #[arg(long, value_name = "NAME", value_parser = parse_bucket)]
    bucket: Vec<String>,
    /// Answer only what is signed with this key.
    #[arg(long, value_name = "KEY", requires = "secret_key")]
    access_key: Option<String>,
    /// What proves that it is.
    #[arg(long, value_name = "SECRET", requires = "access_key")]
    secret_key: Option<String>,
    /// A scenario file, or one with `about` and `[[faults]]` only: all its faults are to be on `bucket`. Their times count from when
    /// it is ready. When it ends it says on stderr what each has done.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// What faults draw is drawn by this seed.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "faults")]
    seed: u64,
    /// Print a line to stderr for each request.
    #[arg(long)]
    verbose: bool,
}

fn parse_bucket(name: &str) -> Result<String, String> {
    if AwsNameValidation::new().validate_bucket_name(name) {
        Ok(name.to_owned())
    } else {
        Err("a bucket has 3 to 63 lowercase letters, digits, dots and hyphens".to_owned())
    }
}

/// How long ago 1970 began, on the clock of this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "objects on a real socket are dated by the clock of the machine"
)]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `squall serve-s3`.
pub(super) fn serve_s3(out: Out, options: &ServeS3) -> Done {
    let faults = match &options.faults {
        None => None,
        Some(file) => Some(scenario::load_faults(file, options.seed).map_err(|mistakes| {
            complain(&mistakes.render(true));
            ExitCode::Usage
        })?),
    };
    let store = Store::new(Arc::new(|| UnixTime(since_1970().as_secs())));
    for bucket in &options.bucket {
        store.create_bucket(bucket).map_err(|refusal| out.usage(&format!("bucket {bucket}: {refusal}")))?;
    }
    let ids = ChaCha8Rng::seed_from_u64(u64::try_from(since_1970().as_nanos()).unwrap_or(u64::MAX));
    let handler = match (&options.access_key, &options.secret_key) {
        (Some(access_key), Some(secret_key)) => {
            let keys = KeyPair { access_key: access_key.clone(), secret_key: secret_key.clone() };
            Handler::signed(store, ids, &keys)
        }
        _ => Handler::new(store, ids),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let served = runtime.map_err(Failed::Socket).and_then(|runtime| {
        runtime.block_on(async {
            match faults {
                None => {
                    let listen = Socket::open(options).await?;
                    listen.serve(out, options, &handler, pending()).await
                }
                Some(faults) => {
                    let faulty = Served::new(handler, &faults, options.seed)?;
                    let listen = Socket::open(options).await?.tampering();
                    listen.serve(out, options, &faulty, faulty.run()).await?;
                    complain(&receipts(&faulty));
                    Ok(())
                }
            }
        })
    });
    served.map_err(|failed| match failed {
        Failed::Socket(error) => {
            let at = SocketAddr::new(options.address, options.port);
            out.usage(&format!("cannot serve on {at}: {error}"))
        }
        Failed::Faults(unservable) => out.usage(&unservable.to_string()),
    })?;
    Ok(out.summary(ExitCode::Passed))
}

/// Why nothing is served.
#[derive(Debug, Error)]
enum Failed {
    #[error("the socket: {0}")]
    Socket(#[from] io::Error),
    #[error("{0}")]
    Faults(#[from] Unservable),
}

/// What each fault has done.
fn receipts(faulty: &Served) -> String {
    faulty.receipts().iter().map(|receipt| format!("fault {receipt}\n")).collect()
}

/// A socket that listens, and what ends the program.
struct Socket<L> {
    listen: L,
    at: SocketAddr,
    interrupt: Signal,
    terminate: Signal,
}

impl Socket<TcpListen> {
    async fn open(options: &ServeS3) -> io::Result<Self> {
        let listen = TcpListen::bind(SocketAddr::new(options.address, options.port)).await?;
        let at = listen.local_addr()?;
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { listen, at, interrupt, terminate })
    }

    /// On connections that faults can do things to which HTTP cannot.
    fn tampering(self) -> Socket<Tampering<TcpListen>> {
        let Self { listen, at, interrupt, terminate } = self;
        Socket { listen: Tampering(listen), at, interrupt, terminate }
    }
}

impl<L: Listen> Socket<L> {
    /// Serves until somebody ends the program, and does `beside` meanwhile.
    async fn serve(
        mut self,
        out: Out,
        options: &ServeS3,
        handler: &impl Handle,
        beside: impl Future<Output = Infallible>,
    ) -> Result<(), Failed> {
        out.text(|| format!("serving S3 at http://{}\n", self.at))?;
        let handler = Told { inner: handler, aloud: options.verbose };
        let limits = ServeLimits::default();
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            never = beside => match never {},
            never = serve(self.listen, &handler, &limits) => match never {},
        }
        Ok(())
    }
}

/// Prints what is asked and answered.
struct Told<'a, H> {
    inner: &'a H,
    aloud: bool,
}

impl<H: Handle> Handle for Told<'_, H> {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        if !self.aloud {
            return self.inner.handle(request).await;
        }
        let query = request.uri().query().filter(|query| !query.contains("Signature="));
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let asked = format!("{} {}{query}", request.method(), request.uri().path());
        let response = self.inner.handle(request).await;
        let bytes = response.body().size_hint().exact().unwrap_or(0);
        complain(&format!("{asked} -> {}, {bytes} bytes\n", response.status().as_u16()));
        response
    }
}
