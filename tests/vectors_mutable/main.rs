//! The formats of mutable files against vectors made by Tahoe-LAFS.
//!
//! `LAFS_VECTORS=FOLDER cargo test --test vectors_mutable` checks another folder of the same shape and says which files
//! it lacks.

#![expect(clippy::unwrap_used, reason = "a vector of another shape fails the test")]

mod any_damage;
mod damage;
mod keys;
mod shares;
mod support;
#[path = "../common/vectors.rs"]
mod vectors;
