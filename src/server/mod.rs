//! One storage server without sockets: it keeps shares and leases in a backend.
//!
//! No client code and no decisions of a client; its clock is a parameter.
