//! Every table and key of the format, as data: name, form, default and documentation.
//!
//! The reader, the reference and the schema are all made from this list, so a key that is not here does not exist.
//! Nothing here reads a file.

pub use super::form::Form;

/// A table of the format.
#[derive(Debug)]
pub struct Table {
    /// How it is written.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// The keys it may have.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// How its value is written.
    pub form: Form,
    /// What it means when it is not there.
    pub absent: Absent,
    /// What it is for.
    pub doc: &'static str,
}

/// What the absence of a key means.
#[derive(Debug, Clone, Copy)]
pub enum Absent {
    /// It is a mistake.
    Required,
    /// The same as this value.
    Default(&'static str),
    /// Something that is not a value: said in words.
    Means(&'static str),
}

impl Table {
    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, form: Form, absent: Absent, doc: &'static str) -> Key {
    Key { name, form, absent, doc }
}

use Absent::{Default, Means, Required};

/// The file itself.
pub const FILE: Table = Table {
    name: "the file",
    doc: "A scenario: a grid, what its clients do, what goes wrong, and how it must end.",
    keys: &[
        key("about", Form::Line, Required, "What the scenario shows, in one line. Printed when it fails."),
        key(
            "from",
            Form::Line,
            Means("nobody remembers"),
            "Where it comes from: a ticket, an incident, a hunt and its seed.",
        ),
        key("version", Form::Integer, Default("1"), "The version of this format."),
        key("deadline", Form::Duration, Default("10m"), "The virtual time after which a run counts as hung."),
        key("seeds", Form::Table(&SEEDS), Means("all its defaults"), "Which seeds the tests run."),
        key("grid", Form::Table(&GRID), Means("all its defaults"), "Servers, clients, links and encoding."),
        key(
            "server",
            Form::Named(&SERVER),
            Means("all servers are alike"),
            "What is different about one server.",
        ),
        key(
            "files",
            Form::Named(&FILES),
            Means("there are none"),
            "The files that steps name. Their content comes from the seed and the name.",
        ),
        key(
            "steps",
            Form::Tables(&STEP),
            Required,
            "What happens, in order; one step ends before the next begins.",
        ),
        key(
            "faults",
            Form::Tables(&FAULT),
            Means("nothing goes wrong"),
            "What goes wrong, on whom, when, and until when.",
        ),
        key(
            "known_bug",
            Form::Line,
            Means("no bug is known"),
            "A bug that is not mended yet, as the failure it shows: \"ORACLE: words of the finding\". Runs that fail in exactly this way count as passed; a file none of whose runs does is an error.",
        ),
        key(
            "must_fail",
            Form::Table(&MUST_FAIL),
            Means("the run must pass"),
            "The run must fail, in this way and no other: a test of the harness itself.",
        ),
    ],
};

/// How every run must fail.
pub const MUST_FAIL: Table = Table {
    name: "[must_fail]",
    doc: "The one way in which every run of this file must fail.",
    keys: &[
        key("verdict", Form::Choice(VERDICTS), Required, "The oracle that must object, and no other."),
        key("says", Form::Line, Required, "Words that its finding must contain."),
    ],
};

/// The words of `verdict`.
pub(super) const VERDICTS: &[&str] = &["safety", "availability", "economy", "expectation", "hang", "invalid"];

/// Seeds.
pub const SEEDS: Table = Table {
    name: "[seeds]",
    doc: "Which seeds the tests run.",
    keys: &[
        key("count", Form::Integer, Default("16"), "So many seeds, from 0, at most 1000000."),
        key("pinned", Form::Tables(&PINNED), Means("none"), "Seeds that once failed and always run first."),
    ],
};

/// One pinned seed.
pub const PINNED: Table = Table {
    name: "pinned",
    doc: "A seed that always runs.",
    keys: &[
        key("seed", Form::Integer, Required, "The seed."),
        key("why", Form::Line, Required, "What it showed, in one line."),
    ],
};

/// The grid.
pub const GRID: Table = Table {
    name: "[grid]",
    doc: "Servers, clients, links and encoding.",
    keys: &[
        key(
            "servers",
            Form::Hosts,
            Default("10"),
            "How many servers (called s0, s1, ...; at most 1000), or the list of their names.",
        ),
        key(
            "clients",
            Form::Hosts,
            Default("1"),
            "How many clients (one is called `client`, more are called c0, c1, ...; at most 100), or the list of their names.",
        ),
        key("encoding", Form::Encoding, Default("3-of-10"), "k of N: any k of the N shares rebuild a file."),
        key(
            "happy",
            Form::Integer,
            Means("7, or N or the number of servers if that is less"),
            "Servers of happiness an upload needs, from 1 to N.",
        ),
        key("segment", Form::Size, Default("128 KiB"), "The most plaintext bytes in a segment."),
        key(
            "latency",
            Form::Latency,
            Default("5ms..20ms"),
            "One-way delay of each message; each draws its own.",
        ),
        key(
            "bandwidth",
            Form::Rate,
            Default("unlimited"),
            "Bytes per second between a server and the rest, each way.",
        ),
        key("space", Form::Sizes, Default("1 TiB"), "Room for shares on each server."),
    ],
};

/// One server.
pub const SERVER: Table = Table {
    name: "[server.NAME]",
    doc: "What is different about one server.",
    keys: &[
        key("latency", Form::Latency, Means("as in [grid]"), "One-way delay of each message from and to it."),
        key("bandwidth", Form::Rate, Means("as in [grid]"), "Bytes per second, each way."),
        key("space", Form::Sizes, Means("as in [grid]"), "Room for shares."),
    ],
};

/// One file.
pub const FILES: Table = Table {
    name: "[files.NAME]",
    doc: "A file whose content comes from the seed and its name.",
    keys: &[
        key("size", Form::Sizes, Default("1 MiB"), "Its size, at most 1 GiB."),
        key("key", Form::Choice(&["convergent", "random"]), Default("convergent"), "How its key is made."),
    ],
};

/// The words of `expect`.
pub(super) const OUTCOMES: &[&str] =
    &["success", "either", "no shares", "not enough shares", "unreachable", "unhappy"];

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
            "How it must end. `either` is success or any clean error.",
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

/// One fault.
pub const FAULT: Table = Table {
    name: "[[faults]]",
    doc: "Something that goes wrong. Exactly one of hang, partition, disconnect, crash, power_loss, slow, corrupt.",
    keys: &[
        key(
            "name",
            Form::Line,
            Means("the kind and its target"),
            "Its name, unique in the file. Draws are keyed by it.",
        ),
        key(
            "hang",
            Form::Selector,
            Means("another kind"),
            "The program stops running; its kernel goes on acknowledging.",
        ),
        key(
            "only",
            Form::Choice(&["versions", "shares", "allocations", "writes", "reads", "aborts"]),
            Means("the whole program hangs"),
            "For hang: the program goes on running, but never answers requests of this kind.",
        ),
        key("partition", Form::Selector, Means("another kind"), "Messages vanish without a sound."),
        key("disconnect", Form::Selector, Means("another kind"), "Connections end."),
        key(
            "crash",
            Form::Selector,
            Means("another kind"),
            "The program dies; the end of the fault restarts it with the same disk.",
        ),
        key(
            "power_loss",
            Form::Selector,
            Means("another kind"),
            "The machine goes dark; the end of the fault boots it with the same disk.",
        ),
        key(
            "slow",
            Form::Selector,
            Means("another kind"),
            "The link gets the `latency` and `bandwidth` of the fault.",
        ),
        key(
            "corrupt",
            Form::Shares,
            Means("another kind"),
            "Stored bytes of shares change: those in `field`.",
        ),
        key("on", Form::Selector, Means("every copy"), "For corrupt: only copies on these servers."),
        key("field", Form::Part, Means("required by corrupt"), "For corrupt: which part of the share."),
        key(
            "direction",
            Form::Choice(&["both", "to", "from"]),
            Default("both"),
            "For partition: which way it cuts, seen from the target.",
        ),
        key(
            "how",
            Form::Choice(&["reset", "close", "refuse"]),
            Default("reset"),
            "For disconnect: at once, after what is under way, or at once and refused from then on.",
        ),
        key("latency", Form::Latency, Means("as in [grid]"), "For slow: the delay of each message."),
        key("bandwidth", Form::Rate, Means("as in [grid]"), "For slow: bytes per second, each way."),
        key(
            "when",
            Form::Trigger,
            Default("at the start"),
            "When it begins: a time, or an event with a count.",
        ),
        key(
            "until",
            Form::Trigger,
            Means("it never ends"),
            "When it ends: a time, or an event with a count.",
        ),
        key("for", Form::Durations, Means("it never ends"), "How long it lasts, instead of `until`."),
        key(
            "may_stay_inert",
            Form::Flag,
            Default("false"),
            "Whether a run in which it touched nothing is valid.",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn each(table: &'static Table, visit: &mut impl FnMut(&'static Table)) {
        visit(table);
        for key in table.keys {
            if let Form::Table(inner) | Form::Tables(inner) | Form::Named(inner) = key.form {
                each(inner, visit);
            }
        }
    }

    #[test]
    fn every_key_is_documented_and_listed_once() {
        each(&FILE, &mut |table| {
            assert!(table.doc.ends_with('.'), "{}", table.name);
            for (n, key) in table.keys.iter().enumerate() {
                assert!(key.doc.ends_with('.'), "{} in {}", key.name, table.name);
                assert!(table.keys[..n].iter().all(|other| other.name != key.name), "{}", key.name);
            }
        });
    }
}
