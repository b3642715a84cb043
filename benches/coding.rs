//! Erasure coding against its kernels alone: what checking, chunking and the matrix cost on top.
//!
//! `cargo bench --bench coding`. The kernels alone get the same rows and the same chunks and nothing else. In
//! the end the two are compared in alternating rounds, which a busy machine disturbs less than two separate
//! benchmarks, and the program fails if ours are too slow.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};
use criterion::{Criterion, Throughput};
use lafs::erasure::{CHUNK_BYTES, Codec};
use lafs::format::{Encoding, ShareNum};
use reed_solomon_erasure::galois_8::{mul_slice, mul_slice_xor};

const NEEDED: usize = 3;
const TOTAL: usize = 10;
const BLOCK_BYTES: usize = (1 << 20) / NEEDED + 1;

/// Our coding may take at most this many times as long as its kernels.
const RATIO_MAX: f64 = 1.5;

fn kernels(rows: &[Vec<u8>], inputs: &[&[u8]], outputs: &mut [Vec<u8>]) {
    for start in (0..BLOCK_BYTES).step_by(CHUNK_BYTES) {
        let chunk = start..(start + CHUNK_BYTES).min(BLOCK_BYTES);
        for (row, out) in rows.iter().zip(outputs.iter_mut()) {
            let out = &mut out[chunk.clone()];
            mul_slice(row[0], &inputs[0][chunk.clone()], out);
            for (c, input) in row.iter().zip(inputs).skip(1) {
                mul_slice_xor(*c, &input[chunk.clone()], out);
            }
        }
    }
}

struct Bench {
    codec: Codec,
    rows: Vec<Vec<u8>>,
    primary: Vec<Vec<u8>>,
    secondary: Vec<Vec<u8>>,
    segment: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let codec = Codec::new(Encoding::new(NEEDED as u64, TOTAL as u64).expect("an encoding"));
        let shares = codec.encoding().shares().skip(NEEDED);
        let rows = shares.map(|share| codec.row(share).expect("a share of the code")).collect();
        let primary = (0..NEEDED)
            .map(|i| (0..BLOCK_BYTES).map(|j| (j * 7 + i * 31 + (j >> 8)) as u8).collect())
            .collect();
        let mut bench = Self {
            codec,
            rows,
            primary,
            secondary: vec![vec![0; BLOCK_BYTES]; TOTAL - NEEDED],
            segment: vec![0; BLOCK_BYTES * NEEDED],
        };
        bench.encode();
        bench
    }

    fn encode(&mut self) {
        let primary: Vec<&[u8]> = self.primary.iter().map(Vec::as_slice).collect();
        let mut room: Vec<&mut [u8]> = self.secondary.iter_mut().map(Vec::as_mut_slice).collect();
        self.codec.encode(black_box(&primary), &mut room).expect("blocks that fit");
    }

    fn encode_kernels(&mut self) {
        let primary: Vec<&[u8]> = self.primary.iter().map(Vec::as_slice).collect();
        kernels(&self.rows, black_box(&primary), &mut self.secondary);
    }

    fn decode(&mut self) {
        let blocks: Vec<(ShareNum, &[u8])> =
            [9, 7, 8].map(|i: u8| (ShareNum(i), self.secondary[usize::from(i) - NEEDED].as_slice())).into();
        self.codec.decode(black_box(&blocks), &mut self.segment).expect("blocks that fit");
    }
}

/// How long our encoding takes in multiples of its kernels: the median over alternating rounds.
fn ratio(bench: &mut Bench) -> f64 {
    let mut ratios: Vec<f64> = (0..201)
        .map(|_| {
            let ours = time(|| bench.encode());
            let kernels = time(|| bench.encode_kernels());
            ours.as_secs_f64() / kernels.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn time(mut run: impl FnMut()) -> Duration {
    let start = WallTime.start();
    for _ in 0..5 {
        run();
    }
    WallTime.end(start)
}

fn main() -> ExitCode {
    let mut bench = Bench::new();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("3-of-10, segments of 1 MiB");
    group.throughput(Throughput::Bytes((BLOCK_BYTES * NEEDED) as u64));
    group.bench_function("encode 7 secondary shares", |b| b.iter(|| bench.encode()));
    group.bench_function("the kernels alone", |b| b.iter(|| bench.encode_kernels()));
    group.bench_function("decode from 3 secondary shares", |b| b.iter(|| bench.decode()));
    group.finish();
    criterion.final_summary();

    if !std::env::args().any(|argument| argument == "--bench") {
        // Only run once to see that it runs; nothing was optimised.
        return ExitCode::SUCCESS;
    }
    let ratio = ratio(&mut bench);
    println!("encoding takes {ratio:.2} times as long as its kernels, at most {RATIO_MAX}");
    if ratio <= RATIO_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
