//! The keys of a step.

use super::Absent::{Default, Means};
use super::{Form, Table, key};

/// The words of `expect`.
pub(super) const OUTCOMES: &[&str] =
    &["success", "either", "no shares", "not enough shares", "unreachable", "unhappy", "cancelled"];

/// One step.
pub const STEP: Table = Table {
    name: "[[steps]]",
    doc: "Something a client does, or that happens to the grid behind the protocol's back. Exactly one of upload, download, wait, delete, copy, forget.",
    keys: &[
        key("upload", Form::FileName, Means("another action"), "Uploads this file."),
        key(
            "download",
            Form::FileName,
            Means("another action"),
            "Downloads this file; the bytes must be right.",
        ),
        key("wait", Form::Durations, Means("another action"), "Lets time pass."),
        key(
            "delete",
            Form::FileName,
            Means("another action"),
            "Removes the shares of this file from the servers in `on`, behind their backs.",
        ),
        key(
            "copy",
            Form::Shares,
            Means("another action"),
            "Copies shares to the server `to`, behind its back.",
        ),
        key(
            "forget",
            Form::ClientName,
            Means("another action"),
            "Replaces this client by a new one that remembers nothing.",
        ),
        key("by", Form::ClientName, Means("the first client"), "Who uploads or downloads."),
        key(
            "together",
            Form::Flag,
            Default("false"),
            "For upload and download: begins together with the step before it, not when that has ended. What servers count (bytes, reports) is counted for all steps under way.",
        ),
        key("on", Form::Selector, Default("all"), "For delete: from whom."),
        key("from", Form::Selector, Means("whoever has them"), "For copy: whose shares."),
        key("to", Form::ServerName, Means("required by copy"), "For copy: to whom."),
        key(
            "range",
            Form::ByteRange,
            Means("all of it"),
            "For download: from this byte up to, not including, that one. Never drawn.",
        ),
        key("within", Form::Duration, Means("the deadline of the run"), "The virtual time it may take."),
        key(
            "expect",
            Form::Choice(OUTCOMES),
            Default("success"),
            "How it must end. `either` is success or any clean error; `cancelled` is by a fault that cancels it.",
        ),
        key("placed", Form::Bound, Means("not checked"), "For upload: distinct shares placed."),
        key("happiness", Form::Bound, Means("not checked"), "For upload: servers of happiness reached."),
        key(
            "not_from",
            Form::Selector,
            Means("not checked"),
            "For download: servers that no share data may come from.",
        ),
        key(
            "fetched_at_most",
            Form::Percent,
            Means("not checked"),
            "For download: bytes received over bytes asked for.",
        ),
        key("requests", Form::Bound, Means("not checked"), "Requests sent."),
        key(
            "nothing_allocated",
            Form::Flag,
            Default("false"),
            "When it ends no server holds space for an upload that is not complete.",
        ),
        key(
            "corruption_reports",
            Form::Bound,
            Means("not checked"),
            "For download: corruption reports that servers received.",
        ),
        key(
            "stall_at_most",
            Form::Multiple,
            Means("not checked"),
            "For download: the longest wait that faults caused, as a multiple of the slowest good answer for that segment.",
        ),
    ],
};
