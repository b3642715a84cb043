//! The programs of servers and of the bucket, and the wall clocks they go by.
//!
//! Starts them on what is stored; what becomes of them is not known here.

use std::rc::Rc;
use std::sync::Arc;

use lafs::net::serve::{ServeLimits, serve};
use lafs::server::StorageServer;
use lafs::server::backend::Backend;
use lafs::server::clock::{Clock, UnixTime};

use super::disk::Disk;
use super::front::Front;
use super::wire::{self, Tampering};
use super::{EPOCH_SECONDS, SWISSNUM, ServerHost, World};
use crate::net::HostId;
use crate::record::Recorder;
use crate::schedule::Jump;

impl World {
    /// Starts the program of a server on what it has stored: what was incomplete is forgotten, what was complete is
    /// there.
    pub(super) fn start_server(&self, server: &ServerHost) {
        match &self.bucket {
            None => self.start_server_on(server, Rc::new(server.shelf.disk().clone())),
            Some(_) => self.start_server_on(server, self.backend_in(server)),
        }
    }

    fn start_server_on<B: Backend + 'static>(&self, server: &ServerHost, backend: Rc<B>) {
        let Ok(listener) = self.net.listen(server.host) else { return };
        let (host, shelf) = (server.host, server.shelf.clone());
        let (recorder, annotations) = (self.recorder.clone(), Rc::clone(&server.annotations));
        let clock = self.clock(host);
        let tampers = self.schedule.faults.iter().any(|fault| wire::is_needed_for(&fault.kind));
        let program = async move {
            let stored = shelf.disk().clone();
            let disk = Disk::new(backend, shelf, host, recorder.clone(), Rc::clone(&annotations));
            let Ok(server) = StorageServer::start(disk, SWISSNUM, clock).await else { return };
            let front = Front::new(server, stored, host, recorder, annotations);
            // Only where it is needed: it copies what passes.
            if tampers {
                serve(Tampering(listener), &front, &ServeLimits::default()).await;
            } else {
                serve(listener, &front, &ServeLimits::default()).await;
            }
        };
        drop(self.net.spawn(host, program));
    }

    pub(super) fn clock(&self, host: HostId) -> Clock {
        clock(&self.recorder, host)
    }
}

/// Wall time on a host: a fixed epoch and the virtual time since the start, and whatever faults make of it.
pub(super) fn clock(recorder: &Recorder, host: HostId) -> Clock {
    let recorder = recorder.clone();
    Arc::new(move || {
        let mut time = UnixTime(EPOCH_SECONDS + recorder.now().as_secs());
        let jumps = recorder.records().book.jumps(host);
        for (fault, Jump { ahead, by }) in jumps {
            time =
                if ahead { time.plus(by.as_secs()) } else { UnixTime(time.0.saturating_sub(by.as_secs())) };
            recorder.bite(fault, 1, 0);
        }
        time
    })
}
