//! Downloads through the whole client from servers in memory. No uploads: the shares are put where they should be.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod case;
mod deadlines;
mod errors;
mod faults;
#[path = "../common/grid.rs"]
mod grid;
#[path = "../common/vectors.rs"]
mod vectors;
#[path = "../common/whole_file.rs"]
mod whole_file;

use std::collections::BTreeSet;

use case::{Case, LATENCY, MS};
use grid::{Grid, paused};
use lafs::client::Event;
use lafs::client::download::DownloadError;
use lafs::client::event::Question;
use lafs::crypto::Cipher;
use lafs::erasure::Segmentation;
use lafs::format::ShareNum;
use lafs::format::cap::Cap;
use lafs::plan::Policy;
use vectors::Fields;
use whole_file::KeySource;

#[test]
fn files_made_by_tahoe_read_back() {
    let Some(file) = vectors::json("immutable/files.json") else { return };
    let mut real = 0;
    for case in file.list("cases") {
        let name = case.text("name");
        let (size, k, n) = (case.number("size"), case.number("k"), case.number("n"));
        let content = vectors::stream(case.text("seed"), usize::try_from(size).unwrap());
        let cap: Cap = case.text("cap").parse().unwrap();
        let shares: Vec<(u8, Vec<u8>)> = match (&cap, case["shares"].as_str()) {
            (Cap::Literal(_), _) => Vec::new(),
            (_, Some("hex")) => (0..).zip(case.hexes("share_hex")).collect(),
            (_, Some("files")) => (0..u8::try_from(n).unwrap())
                .filter_map(|num| {
                    let path = format!("immutable/shares/{name}/{num}.share");
                    let held = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors"));
                    held.join(&path).exists().then(|| (num, vectors::bytes(&path).unwrap()))
                })
                .collect(),
            (Cap::Chk(read), None) if size <= 131_073 && n < 20 => {
                let cut = Segmentation::from_segment_size(size, read.encoding, case.number("segment_size"));
                let encoded = whole_file::encode(&content, cut.unwrap(), KeySource::Given(read.key), None);
                (0..).zip(encoded.shares).collect()
            }
            _ => continue,
        };
        real += usize::from(case["shares"].is_string());
        let grid = Grid::new(5);
        if let Cap::Chk(read) = &cap {
            for (num, share) in shares {
                let index = read.storage_index();
                grid.nodes[usize::from(num) % 5].backend.put(index, ShareNum(num), share.into());
            }
        }
        let mut bytes = Vec::new();
        let client = grid.client(Policy::default(), b"");
        let downloaded = paused().block_on(grid.run(client.download(&cap, None, &mut bytes)));
        let downloaded = downloaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(bytes == content, "{name}: wrong bytes");
        assert!(downloaded.corrupt.is_empty(), "{name}");
        assert_eq!(downloaded.used.len() as u64, if size <= 55 { 0 } else { k }, "{name}");
    }
    assert!(real > 10 || !vectors::are_our_own());
}

#[test]
fn a_small_file_costs_one_read_for_each_needed_share() {
    let case = Case::new(10, 1024, 1 << 20);
    let (downloaded, took) = case.good();
    assert_eq!((case.reads(), downloaded.reads), (3, 3));
    assert_eq!(took, 2 * LATENCY);
    let servers: BTreeSet<_> = downloaded.used.values().flatten().collect();
    assert_eq!(servers.len(), 3);
}

#[test]
fn a_larger_file_costs_its_blocks_and_the_metadata_of_one_spare_more() {
    let case = Case::new(10, 3 << 20, 1 << 20);
    let (downloaded, took) = case.good();
    assert_eq!(case.reads(), 4 * 2 + 3 * 3, "header and trailer of 4 shares, 3 blocks of 3 segments");
    assert_eq!(took, (1 + 2 + 3) * LATENCY);
    assert_eq!((downloaded.hedges, downloaded.overdue), (0, 0));
    assert!(downloaded.bytes_read < (3 << 20) + 20_000, "{}", downloaded.bytes_read);
}

#[test]
fn a_file_of_more_segments_than_a_page_of_the_hash_trees_has_leaves_reads_back() {
    let mut case = Case::new(10, 6000, 3);
    case.policy.overdue.warm_spare = false;
    let (downloaded, _) = case.good();
    assert_eq!(downloaded.bytes, 6000);
}

#[test]
fn ranges_give_exactly_the_bytes_asked_for() {
    let case = Case::new(4, 1000, 100);
    let cap = Cap::Chk(case.cap.clone());
    paused().block_on(case.grid.run(async {
        let client = case.grid.client(case.policy.clone(), b"");
        for (start, end) in [(0, 1), (0, 1000), (99, 101), (500, 500), (333, 777), (950, 5000), (1000, 1000)]
        {
            let mut bytes = Vec::new();
            client.download(&cap, Some(start..end), &mut bytes).await.unwrap();
            let end = usize::try_from(end).unwrap().min(1000);
            assert_eq!(bytes, case.content[usize::try_from(start).unwrap()..end]);
        }
        for (start, end) in [(1001, 1002), (2, 1)] {
            let result = client.download(&cap, Some(start..end), &mut Vec::new()).await;
            assert!(matches!(result, Err(DownloadError::BadRange { .. })));
        }
    }));
}

#[test]
fn a_verify_capability_gives_the_ciphertext() {
    let case = Case::new(4, 1000, 100);
    let mut bytes = Vec::new();
    let client = case.grid.client(case.policy.clone(), b"");
    let cap = Cap::Verify(case.cap.verify_cap());
    paused().block_on(case.grid.run(client.download(&cap, Some(17..900), &mut bytes))).unwrap();
    Cipher::new(&case.cap.key, 17).apply(&mut bytes);
    assert_eq!(bytes, case.content[17..900]);
}

#[test]
fn a_dropped_download_leaves_no_question_open() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    case.node(0).hang();
    paused().block_on(case.grid.run(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let mut bytes = Vec::new();
        let cap = Cap::Chk(case.cap.clone());
        let download = client.download(&cap, None, &mut bytes);
        assert!(tokio::time::timeout(35 * MS, download).await.is_err());
        case.grid.recorder.check_questions();
    }));
}

#[test]
fn a_slow_sink_makes_no_server_look_dead() {
    let case = Case::new(10, 1 << 20, 1 << 16);
    let (downloaded, late) = paused().block_on(case.grid.run(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let (mut near, mut far) = tokio::io::duplex(1000);
        let cap = Cap::Chk(case.cap.clone());
        let read = async {
            let mut buffer = [0; 1000];
            while tokio::io::AsyncReadExt::read(&mut far, &mut buffer).await.unwrap() > 0 {
                tokio::time::sleep(1000 * MS).await;
            }
        };
        let download = async {
            let result = client.download(&cap, None, &mut near).await;
            drop(near);
            result
        };
        let (result, ()) = futures_util::future::join(download, read).await;
        let late = |event: &Event| matches!(event, Event::Overdue { .. });
        (result.unwrap(), case.grid.recorder.events().iter().filter(|event| late(event)).count())
    }));
    assert_eq!((downloaded.overdue, late), (0, 0));
}

#[test]
fn a_failing_sink_ends_the_download() {
    let case = Case::new(10, 1000, 1 << 20);
    let client = case.grid.client(case.policy.clone(), b"");
    let (mut near, far) = tokio::io::duplex(10);
    drop(far);
    let cap = Cap::Chk(case.cap.clone());
    let result = paused().block_on(case.grid.run(client.download(&cap, None, &mut near)));
    assert!(matches!(result, Err(DownloadError::Sink(_))));
}

#[test]
fn every_segment_is_told() {
    let case = Case::new(10, 1000, 300);
    case.good();
    let done: Vec<_> = case
        .grid
        .recorder
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::SegmentDone { segment, segments } => Some((segment, segments)),
            _ => None,
        })
        .collect();
    assert_eq!(done, [(0, 4), (1, 4), (2, 4), (3, 4)]);
    let asked = |event: &Event| matches!(event, Event::Asked { question: Question::Shares, .. });
    assert!(case.grid.recorder.events().iter().any(asked));
}
