//! The bytes of one share of an immutable file: header, blocks, hash trees, chain, URI extension block.
//!
//! Writers: [`Layout::for_upload`] gives the header and the exact size before anything is encoded, then come
//! the blocks, then what [`ShareTrailers`] gives. Readers: [`Layout::parse`], then [`UriExtension::parse`],
//! then [`ShareHashChain::parse`], then pages of the trees; each is checked against what came before it.
//! The file in which a storage server keeps a share, with its leases, is not known here.

pub mod chain;
pub mod layout;
pub mod trailer;
pub mod uri_extension;

pub use chain::{ChainError, ShareHashChain};
pub use layout::{Layout, LayoutError, LayoutVersion};
pub use trailer::{HashesError, ShareHashes, ShareTrailers};
pub use uri_extension::{UriExtension, UriExtensionError};

#[cfg(test)]
mod tests;
