//! The keys of a step.

use super::Absent::{Default, Means};
use super::{Form, Table, key};

/// The words of `expect` and what they mean.
pub(in crate::scenario) const OUTCOMES: [(&str, &str); 11] = [
    ("success", "It succeeds; a download with the right bytes."),
    ("either", "It succeeds, or ends with any clean error; a promise over all seeds can bound how often."),
    ("no shares", "A download fails: enough servers answered to know that no share exists."),
    (
        "not enough shares",
        "A download fails: enough servers answered to know that fewer than k shares exist.",
    ),
    ("unreachable", "A download fails: servers that may hold the missing shares cannot be reached for now."),
    ("unhappy", "An upload fails: its shares could not be spread over enough servers."),
    (
        "uncoordinated",
        "A write of a mutable file fails: others wrote at the same time, or since the version it was based on.",
    ),
    ("not enough servers", "A write of a mutable file fails: fewer than k servers took a share."),
    ("changing", "A read of a mutable file fails: it changed whenever it was read."),
    ("refused", "A repair of a mutable file is refused: it would lose another version."),
    ("cancelled", "Neither: whoever wanted the result gives it up, by a fault that cancels the step."),
];

const OUTCOME_WORDS: [&str; OUTCOMES.len()] = {
    let mut words = [""; OUTCOMES.len()];
    let mut n = 0;
    while n < words.len() {
        words[n] = OUTCOMES[n].0;
        n += 1;
    }
    words
};

/// One step.
pub const STEP: Table = Table {
    name: "[[steps]]",
    doc: "Something a client does, or that happens to the grid behind the protocol's back. Exactly one of upload, download, create, write, append, read, link, list, check, repair, backup, restore, wait, delete, copy, arrange, forget.",
    keys: &[
        key("upload", Form::FileName, Means("another action"), "Uploads this file."),
        key(
            "download",
            Form::FileName,
            Means("another action"),
            "Downloads this file; the bytes must be right.",
        ),
        key("create", Form::FileName, Means("another action"), "Makes this mutable file."),
        key(
            "write",
            Form::FileName,
            Means("another action"),
            "Replaces the content of this mutable file by another one, which comes from the seed and the step.",
        ),
        key(
            "append",
            Form::FileName,
            Means("another action"),
            "Adds a line to the content of this mutable file: a change that is made again on whatever others wrote meanwhile.",
        ),
        key(
            "read",
            Form::FileName,
            Means("another action"),
            "Reads this mutable file. What comes must be what was written, with nothing missing that was acknowledged before.",
        ),
        key(
            "link",
            Form::FileName,
            Means("another action"),
            "Adds an entry to this directory: a change that is made again on whatever others changed meanwhile.",
        ),
        key(
            "list",
            Form::FileName,
            Means("another action"),
            "Lists this directory. What comes must be what was linked, with nothing missing that was acknowledged before.",
        ),
        key(
            "check",
            Form::FileName,
            Means("another action"),
            "Counts the good shares of this file, asking every server.",
        ),
        key(
            "repair",
            Form::FileName,
            Means("another action"),
            "Brings back the shares that this file lacks.",
        ),
        key(
            "backup",
            Form::TreeName,
            Means("another action"),
            "Backs this tree up into the directory in `in`, as an archive and as `Latest`.",
        ),
        key(
            "restore",
            Form::TreeName,
            Means("another action"),
            "Reads `Latest` in the directory in `in`: it must be this tree as it was backed up completely last.",
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
            "Copies shares to the servers in `to`, behind their backs.",
        ),
        key(
            "arrange",
            Form::FileName,
            Means("another action"),
            "Moves the shares of this file, behind the protocol's back, so that exactly those in `shares` are there.",
        ),
        key(
            "forget",
            Form::ClientName,
            Means("another action"),
            "Replaces this client by a new one that remembers nothing.",
        ),
        key("by", Form::ClientName, Means("the first client"), "Who does it."),
        key(
            "times",
            Form::Integer,
            Default("1"),
            "For write, append and read: so often, one after the other, at most 10000. The first error ends it.",
        ),
        key("verify", Form::Flag, Default("false"), "For check: reads every byte of every share."),
        key(
            "force",
            Form::Flag,
            Default("false"),
            "For repair: of a mutable file also where something newer, or as new, would be lost.",
        ),
        key(
            "in",
            Form::FileName,
            Means("required by backup and restore"),
            "For backup and restore: the directory.",
        ),
        key(
            "changed",
            Form::Integer,
            Default("0"),
            "For backup: so many files of the tree are others than before.",
        ),
        key(
            "partial",
            Form::Choice(&["no", "yes", "either"]),
            Default("no"),
            "For backup: whether something could not be stored, so that `Latest` is not moved.",
        ),
        key("uploaded", Form::Bound, Means("not checked"), "For backup: files uploaded."),
        key("skipped", Form::Bound, Means("not checked"), "For backup: files and directories left out."),
        key(
            "healthy",
            Form::Choice(&["yes", "no"]),
            Means("not checked"),
            "For check and repair: whether all N shares of the newest version are good, and nothing else is there.",
        ),
        key("size", Form::Size, Means("as in [files]"), "For write: bytes of the new content. Never drawn."),
        key(
            "whole",
            Form::Flag,
            Default("false"),
            "Whether each line is added to a copy that the client has, which is then written as a whole, without a look at what is there. A line whose write failed comes with the next.",
        ),
        key(
            "read_back",
            Form::Flag,
            Default("false"),
            "Whether the file is read after each line, however that ended, to see what is there.",
        ),
        key(
            "based_on",
            Form::Step,
            Means("whatever version there is"),
            "For write: only if the version that this step wrote or read is still the newest, such as \"step 2\".",
        ),
        key(
            "degraded",
            Form::Choice(&["no", "yes", "either"]),
            Default("no"),
            "For create, write and append: whether the new version is on fewer servers than it should be, or leaves k shares of an older one in reach.",
        ),
        key(
            "version",
            Form::Bound,
            Means("not checked"),
            "For create, write, append and read: the sequence number.",
        ),
        key(
            "versions",
            Form::Bound,
            Means("not checked"),
            "Versions of the mutable file of which servers store a good share when it ends, whether in reach or not.",
        ),
        key(
            "recoverable",
            Form::Bound,
            Means("not checked"),
            "Those of them of which k different good shares are stored.",
        ),
        key(
            "collisions",
            Form::Bound,
            Means("not checked"),
            "For write and append: attempts that other writers came ahead of.",
        ),
        key("restarts", Form::Bound, Means("not checked"), "For read: how often it began anew."),
        key(
            "together",
            Form::Flag,
            Default("false"),
            "For whatever a client does: begins together with the step before it, not when that has ended. What servers count (bytes, reports) is counted for all steps under way.",
        ),
        key("on", Form::Selector, Default("all"), "For delete: from whom."),
        key("share", Form::Numbers, Means("all of them"), "For delete: only shares of these numbers."),
        key("from", Form::Selector, Means("whoever has them"), "For copy: whose shares."),
        key("to", Form::Selector, Means("required by copy"), "For copy: to whom."),
        key(
            "shares",
            Form::Layout,
            Means("required by arrange"),
            "For arrange: who has which shares, whatever room there is; nobody else has any. Each must exist before.",
        ),
        key(
            "range",
            Form::ByteRange,
            Means("all of it"),
            "For download: from this byte up to, not including, that one. Never drawn.",
        ),
        key("within", Form::Duration, Means("the deadline of the run"), "The virtual time it may take."),
        key(
            "expect",
            Form::Choice(&OUTCOME_WORDS),
            Default("success"),
            "How it must end. `either` is success or any clean error; `cancelled` is by a fault that cancels it.",
        ),
        key(
            "happy",
            Form::Integer,
            Means("as in [grid]"),
            "For upload: servers of happiness this one needs, from 1 to N.",
        ),
        key(
            "says",
            Form::Line,
            Means("not checked"),
            "Words that the error it ends with must contain, as a whole or told in one line.",
        ),
        key("asked", Form::Bound, Means("not checked"), "Servers that were sent any request."),
        key("not_asked", Form::Selector, Means("not checked"), "Servers that must not be sent any request."),
        key(
            "health",
            Form::Bound,
            Means("not checked"),
            "Different good shares of the file that servers store when it ends, whether in reach or not; of a mutable file, those of the newest version that can be read.",
        ),
        key(
            "per_server",
            Form::Bound,
            Means("not checked"),
            "For upload: shares written to each server that got any.",
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
            "spare_requests",
            Form::Bound,
            Means("not checked"),
            "Requests that in the end nobody needed: cancelled, answered too late, or for a block that had come already.",
        ),
        key("connections", Form::Bound, Means("not checked"), "Connections the client tried to open."),
        key(
            "margin",
            Form::Bound,
            Means("not checked"),
            "Servers that could have been lost besides, in the worst order, with the operation still possible.",
        ),
        key(
            "ideal_at_most",
            Form::Multiple,
            Means("not checked"),
            "The time it took, as a multiple of what a client needs that knows the fate of every server. Costs another run or two.",
        ),
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
