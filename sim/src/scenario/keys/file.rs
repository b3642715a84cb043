//! The keys of the file itself, of the grid and of its files.

use super::Absent::{Default, Means, Required, RequiredHereOrInBase};
use super::{FAULT, Form, STEP, Table, key};
use crate::schedule::RETRY_POLICIES;

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
        key(
            "base",
            Form::Path,
            Means("the file stands alone"),
            "Another file, seen from this one, for what this one does not say. Tables are merged; what this file says wins; lists are replaced as a whole; `about` and `from` are each file's own. A base has no base. Files in folders called `base` are not run on their own.",
        ),
        key("deadline", Form::Duration, Default("10m"), "The virtual time after which a run counts as hung."),
        key(
            "matrix",
            Form::Matrix,
            Means("there is one variant"),
            "Variants of the file: for the path of a key (`grid.encoding`, `files.movie.size`, `steps.2.within`, `faults.cable.for`) the values to try. All combinations are run, each over all seeds, at most 256.",
        ),
        key("seeds", Form::Table(&SEEDS), Means("all its defaults"), "Which seeds the tests run."),
        key("grid", Form::Table(&GRID), Means("all its defaults"), "Servers, clients, links and encoding."),
        key(
            "server",
            Form::Named(&SERVER),
            Means("all servers are alike"),
            "What is different about one server.",
        ),
        key(
            "s3",
            Form::Table(&S3),
            Means("all its defaults"),
            "The bucket, where servers keep their shares in S3.",
        ),
        key(
            "files",
            Form::Named(&FILES),
            Means("there are none"),
            "The files that steps name. Their content comes from the seed and the name.",
        ),
        key(
            "trees",
            Form::Named(&TREES),
            Means("there are none"),
            "Trees of files that steps back up. Their content comes from the seed and the name.",
        ),
        key(
            "steps",
            Form::Tables(&STEP),
            RequiredHereOrInBase,
            "What happens, in order; one step ends before the next begins.",
        ),
        key(
            "faults",
            Form::Tables(&FAULT),
            Means("nothing goes wrong"),
            "What goes wrong, on whom, when, and until when.",
        ),
        key(
            "over_all_seeds",
            Form::Table(&OVER_ALL_SEEDS),
            Means("each run is judged alone"),
            "What must hold of all runs of a variant together.",
        ),
        key(
            "experiment",
            Form::Table(&EXPERIMENT),
            Means("it is none"),
            "Makes the file an experiment: `squall experiment` compares its variants with each other and with the closed form.",
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

/// What must hold over all seeds.
pub const OVER_ALL_SEEDS: Table = Table {
    name: "[over_all_seeds]",
    doc: "What must hold of all runs of a variant together. Counts every operation that ended; one that may fail says `expect = \"either\"`.",
    keys: &[
        key(
            "uploads_failed",
            Form::Ratio,
            Means("not checked"),
            "How many uploads fail, out of so many. With fewer than those, the rest counts as not failed.",
        ),
        key("downloads_failed", Form::Ratio, Means("not checked"), "The same of downloads."),
        key(
            "puts_failed",
            Form::Ratio,
            Means("not checked"),
            "The same of changes of mutable files; every repetition of a step counts.",
        ),
        key(
            "uploads_took",
            Form::Quantiles,
            Means("not checked"),
            "The virtual time that a part of the uploads takes at most, however they end.",
        ),
        key("downloads_took", Form::Quantiles, Means("not checked"), "The same of downloads."),
    ],
};

/// A question to all variants.
pub const EXPERIMENT: Table = Table {
    name: "[experiment]",
    doc: "The question that the variants of the file answer together: how often operations fail, by the chance that a request fails and by the retry policy. Each variant has at most one fault whose `which` is a chance; that and the policy are read from it.",
    keys: &[
        key("question", Form::Line, RequiredHereOrInBase, "What one wants to know, in one line."),
        key(
            "counts",
            Form::Choice(&["puts", "files", "backups"]),
            RequiredHereOrInBase,
            "What is an operation: a change of a mutable file, a file of a backup that has shares, or a backup.",
        ),
        key(
            "requests",
            Form::Integer,
            Means("an undisturbed run tells"),
            "The requests that each of them needs, of those that the fault could strike; an undisturbed run must agree.",
        ),
        key(
            "tested",
            Form::Line,
            Means("all of them"),
            "The variants that the tests run, and `squall run` without `--seeds`: those with these words in their names. `squall experiment` runs all.",
        ),
    ],
};

/// The words of `verdict`.
pub(in crate::scenario) const VERDICTS: &[&str] =
    &["safety", "availability", "economy", "expectation", "hang", "invalid"];

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
        key(
            "share_size_max",
            Form::Sizes,
            Means("whatever there is room for"),
            "The longest share each server takes.",
        ),
        key(
            "storage",
            Form::Choice(&["memory", "s3"]),
            Default("memory"),
            "Where servers keep their shares: each on a disk of its own, or all in S3, on one more host that is called `bucket`, each below a prefix of its own. Faults can name that host.",
        ),
        key(
            "client_retries",
            Form::Flag,
            Default("true"),
            "Whether clients repeat what failed for a reason that may pass. Without, what fails once has failed, as in 2012.",
        ),
    ],
};

/// The bucket.
pub const S3: Table = Table {
    name: "[s3]",
    doc: "The bucket of a grid whose servers keep their shares in S3, and how they treat it.",
    keys: &[
        key(
            "latency",
            Form::Latency,
            Default("5ms..20ms"),
            "One-way delay of each message from and to the bucket.",
        ),
        key("bandwidth", Form::Rate, Default("unlimited"), "Bytes per second of the bucket, each way."),
        key(
            "retry",
            Form::Choice(&RETRY_POLICIES),
            Default("ours"),
            "How servers repeat requests that fail: not at all, once at once, as the clients of AWS do, or as this project does.",
        ),
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
        key("share_size_max", Form::Sizes, Means("as in [grid]"), "The longest share it takes."),
    ],
};

/// One file.
pub const FILES: Table = Table {
    name: "[files.NAME]",
    doc: "A file whose content comes from the seed and its name.",
    keys: &[
        key("size", Form::Sizes, Default("1 MiB"), "Its size, at most 1 GiB."),
        key(
            "kind",
            Form::Choice(&["immutable", "mutable", "directory"]),
            Default("immutable"),
            "Whether it is uploaded once, or can be written again; a directory begins empty.",
        ),
        key(
            "key",
            Form::Choice(&["convergent", "random"]),
            Default("convergent"),
            "How the key of an immutable file is made.",
        ),
    ],
};

/// One tree.
pub const TREES: Table = Table {
    name: "[trees.NAME]",
    doc: "A tree of files whose content comes from the seed and its name.",
    keys: &[
        key("files", Form::Integer, Default("20"), "How many files, at most 10000."),
        key(
            "directories",
            Form::Integer,
            Default("2"),
            "The directories that they are spread over, besides the top.",
        ),
        key(
            "size",
            Form::Size,
            Default("2 KiB"),
            "Bytes of the longest file; the others are shorter, evenly, down to one of none.",
        ),
    ],
};
