//! The files of a run: their content, and what reads them once they are stored.

use bytes::Bytes;
use lafs::erasure::Segmentation;
use lafs::format::cap::{Cap, ReadCap};

use super::World;
use crate::oracle::truth::Blocks;
use crate::workload::Placed;

impl World {
    /// The content of a file.
    pub fn content(&self, file: &str) -> Bytes {
        self.files.get(file).map(|state| state.content.clone()).unwrap_or_default()
    }

    /// Whether a file is uploaded with a random key.
    pub fn has_random_key(&self, file: &str) -> bool {
        self.files.get(file).is_some_and(|state| state.random_key)
    }

    /// The capability of a file that was uploaded.
    pub fn cap(&self, file: &str) -> Option<Cap> {
        self.files.get(file)?.cap.borrow().clone()
    }

    /// The capability of a file whose shares are on servers.
    pub fn read_cap(&self, file: &str) -> Option<ReadCap> {
        match self.cap(file)? {
            Cap::Chk(cap) => Some(cap),
            Cap::Verify(_) | Cap::Literal(_) => None,
        }
    }

    /// Notes that an upload was reported as successful.
    pub fn acknowledge(&self, file: &str, placed: &Placed) {
        let Some(state) = self.files.get(file) else { return };
        if let Cap::Chk(read) = &placed.cap {
            let grid = &self.schedule.grid;
            if let Ok(cut) = Segmentation::new(read.size, read.encoding, grid.segment_bytes_max) {
                for server in &self.servers {
                    server.annotations.borrow_mut().blocks.insert(read.storage_index(), Blocks::new(cut));
                }
            }
        }
        *state.cap.borrow_mut() = Some(placed.cap.clone());
    }
}
