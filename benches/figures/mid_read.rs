//! What a server costs that hangs in the middle of a read: of a mutable file, and of an immutable one like it.
//!
//! Both are of 1 MiB in one segment, as the client makes them if nobody says otherwise, so that blocks are equally
//! long but for the hashes and the signature that come along with a mutable one. The server is one of the three that
//! are read without the fault, and hangs when it is asked for its block: what its kernel has taken of the answer
//! still comes, and the rest never does.

use std::time::Duration;

use crate::Figure;
use crate::storms::{parse, play};

const SEEDS: u64 = 256;

/// A kind of file, as scenarios write it.
struct Sort {
    kind: &'static str,
    store: &'static str,
    read: &'static str,
    /// The request to one server, counted from 1, that is for its block: what it shows of its share comes before.
    block_request: u32,
}

const MUTABLE: Sort = Sort { kind: "mutable", store: "create", read: "read", block_request: 3 };
const IMMUTABLE: Sort = Sort { kind: "immutable", store: "upload", read: "download", block_request: 4 };

/// Over all seeds, each in order of size.
struct Stalls {
    /// Time of the reads without the fault, in ms.
    calm_ms: Vec<f64>,
    /// How much longer they take with it, in ms.
    added_ms: Vec<f64>,
    /// Time of the segment beyond its slowest good answer, as a multiple of that.
    multiples: Vec<f64>,
}

fn stalls(sort: &Sort) -> Stalls {
    let Sort { kind, store, read, block_request } = sort;
    let steps = format!(
        "[grid]\nsegment = \"1 MiB\"\n[files.movie]\nkind = \"{kind}\"\nsize = \"1 MiB\"\n\
         [[steps]]\n{store} = \"movie\"\n[[steps]]\n{read} = \"movie\"\n"
    );
    let calm_scenario = parse(&steps);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mut all = Stalls { calm_ms: Vec::new(), added_ms: Vec::new(), multiples: Vec::new() };
    for seed in 0..SEEDS {
        let calm = play(&calm_scenario.schedule(seed)).steps.remove(1);
        let sources = &calm.counts.block_sources;
        let victim = sources.iter().nth(seed as usize % sources.len()).expect("there are three");
        let fault = format!(
            "[[faults]]\nname = \"raid failure\"\nhang = \"{victim}\"\n\
             when = \"it has received {block_request} requests, in step 2\"\n"
        );
        let hung = play(&parse(&format!("{steps}{fault}")).schedule(seed)).steps.remove(1);
        assert_eq!(hung.counts.overdue, 1, "seed {seed}: the block of {victim}");
        all.calm_ms.push(ms(calm.took));
        all.added_ms.push(ms(hung.took) - ms(calm.took));
        all.multiples.push(hung.counts.worst_stall().expect("a segment").multiple());
    }
    for column in [&mut all.calm_ms, &mut all.added_ms, &mut all.multiples] {
        column.sort_by(f64::total_cmp);
    }
    all
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn worst(sorted: &[f64]) -> f64 {
    sorted[sorted.len() - 1]
}

/// The stall of the mutable file, with that of the immutable one beside it.
pub(crate) fn figures() -> Vec<Figure> {
    let (mutable, immutable) = (stalls(&MUTABLE), stalls(&IMMUTABLE));
    let describe = |of: &Stalls| {
        format!(
            "{:.0} ms become {:+.0} ms, at worst {:+.0} ms ({:.2} times)",
            median(&of.calm_ms),
            median(&of.added_ms),
            worst(&of.added_ms),
            median(&of.multiples)
        )
    };
    let (ours, theirs) = (worst(&mutable.multiples), worst(&immutable.multiples));
    vec![Figure {
        what: "Stall added by a server hung in mid-read of a mutable file of 1 MiB",
        value: format!("{ours:.2} times the slowest good answer, at worst; of an immutable file {theirs:.2}"),
        bar: "4, as of an immutable file",
        reached: ours <= 4.0,
        how: format!(
            "virtual time, {SEEDS} seeds with and without the fault, links of 5 to 20 ms, one segment; \
             mutable: {}; immutable: {}",
            describe(&mutable),
            describe(&immutable)
        ),
    }]
}
