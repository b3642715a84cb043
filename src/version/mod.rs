//! One version of a mutable file: signed, encrypted and coded into shares, and all of that backwards.
//!
//! Pure functions over bytes; randomness is handed in. Where in a share things lie and whether a block is the signed one
//! is in `format::mutable`. Which versions a grid holds is for `plan` to say, how they get there for `client`.

pub mod decode;
pub mod encode;
pub mod head;
pub mod private_key;

pub use decode::{DecodeError, Decoder};
pub use encode::{EncodeError, Encoded, NewVersion, Signed, encode_again, encode_mdmf, encode_sdmf};
pub use head::{HeadError, Heads};
pub use private_key::{PrivateKeyError, decrypt_private_key, encrypt_private_key, open_private_key};
