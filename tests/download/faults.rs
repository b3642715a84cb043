//! Servers that hang, break, lie or come back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lafs::client::Event;
use lafs::client::event::Question;
use lafs::format::ShareNum;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::time::Instant;

use crate::case::{Case, LATENCY, MS, hang_at_read};
use crate::grid::{Act, Kind, id};

#[test]
fn three_good_servers_are_enough_when_seven_hang_from_the_start() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    let undisturbed = case.good().1;
    for place in [0, 1, 3, 4, 6, 7, 9] {
        case.node(place).hang();
    }
    assert_eq!(case.good().1, undisturbed, "nothing waits for a server that is not needed");
}

#[test]
fn a_server_that_hangs_in_mid_download_costs_at_most_four_answers() {
    for first_silent in 0..8 {
        let case = Case::new(10, 1 << 20, 1 << 18);
        let (undisturbed, victim) = (case.good().1, case.used().0);
        let case = Case::new(10, 1 << 20, 1 << 18);
        hang_at_read(case.node(victim), first_silent);
        let (downloaded, took) = case.good();
        assert!(took <= undisturbed + 4 * LATENCY, "read {first_silent}: {took:?} against {undisturbed:?}");
        let bites = first_silent < 6;
        assert_eq!(downloaded.overdue, usize::from(bites), "two reads for the trees, four for blocks");
        assert_eq!(took > undisturbed, bites);
    }
}

#[test]
fn all_but_three_servers_may_hang_one_after_the_other() {
    let case = Case::new(10, 1 << 20, 1 << 16);
    for place in 0..7 {
        hang_at_read(case.node(place), 3 + place);
    }
    let (downloaded, took) = case.good();
    assert!(downloaded.overdue <= 7);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn servers_that_break_the_connection_are_replaced_at_once() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    let (undisturbed, victim) = (case.good().1, case.used().0);
    let case = Case::new(10, 1 << 20, 1 << 18);
    case.node(victim).obey(|kind, nth| match kind {
        Kind::Read if nth > 3 => Act::LoseAnswer,
        _ => Act::Delay(LATENCY),
    });
    let took = case.good().1;
    assert!(took <= undisturbed + 2 * LATENCY, "{took:?}");
}

#[test]
fn what_is_malformed_once_is_asked_for_again() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    for node in &case.grid.nodes {
        let before = node.count(Kind::Shares);
        node.obey(move |kind, nth| match kind {
            // A success without a body or a type.
            Kind::Shares if nth == before => Act::Fail(200),
            _ => Act::Delay(LATENCY),
        });
    }
    let took = case.good().1;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn three_good_servers_are_enough_whatever_the_others_do() {
    for seed in 0..100 {
        let case = Case::new(8, 300_000, 50_000);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let good: Vec<usize> = (0..3).map(|n| (usize::try_from(seed).unwrap() + 3 * n) % 8).collect();
        for (n, node) in case.grid.nodes.iter().enumerate() {
            let rng = RefCell::new(ChaCha20Rng::seed_from_u64(rng.next_u64()));
            let fine = good.contains(&n);
            node.obey(move |_, _| {
                let mut rng = rng.borrow_mut();
                let span = |ms: u32| MS * (1 + ms);
                let (choice, ms) = (rng.next_u32() % 8, rng.next_u32() % 50);
                match choice {
                    0..4 => Act::Delay(span(ms)),
                    _ if fine => Act::Delay(span(ms)),
                    4 => Act::Hang,
                    5 => Act::Fail(500),
                    6 => Act::LoseAnswer,
                    _ => Act::Delay(span(ms) * 40),
                }
            });
        }
        let (downloaded, took) = case.good();
        assert!(took < Duration::from_secs(2), "seed {seed}: {took:?} {downloaded:?}");
        assert!(downloaded.bytes_read < 2 * 300_000, "seed {seed}: {downloaded:?}");
    }
}

/// Where to damage a share: a name, an offset, and what is found wrong.
fn damages(case: &Case) -> [(&'static str, u64, &'static str); 6] {
    let layout = &case.layout;
    [
        ("version", 3, "header"),
        ("chain offset", 31, ""),
        ("block", layout.data_offset() + 1, "hash mismatch in block 0"),
        ("block hash tree", layout.block_tree_offset() + 32 * 4, "block hash tree"),
        ("share hash chain", layout.chain_range().start + 5, "share hash chain"),
        ("URI extension", layout.uri_extension_offset() + 40, "URI extension"),
    ]
}

#[test]
fn a_corrupt_share_is_named_reported_and_replaced() {
    for size in [1000, 400_000] {
        let segment_bytes = size as u64 / 4;
        let case = Case::new(10, size, segment_bytes);
        let (place, num) = case.used();
        for (name, offset, reason) in damages(&case) {
            let case = Case::new(10, size, segment_bytes);
            case.damage(place, num, offset);
            let (downloaded, _) = case.good();
            let [corrupt] = &downloaded.corrupt[..] else { panic!("{name}: {downloaded:?}") };
            assert_eq!((&corrupt.server, corrupt.share), (&id(case.order()[place]), ShareNum(num)), "{name}");
            let found = corrupt.flaw.to_string();
            assert!(found.starts_with(reason), "{name}: {found}");
            let reports = case.node(place).backend.corruption_reports();
            assert_eq!(reports.len(), 1, "{name}");
            assert_eq!((reports[0].share, &reports[0].reason), (ShareNum(num), &found), "{name}");
            assert!(!downloaded.used.contains_key(&ShareNum(num)), "{name}");
        }
    }
}

#[test]
fn of_two_copies_of_a_share_the_good_one_is_used() {
    let case = Case::unplaced(4, (2, 3), 1000, 1 << 20);
    case.damage(0, 0, case.layout.data_offset());
    case.place(1, 0, &case.shares[0]);
    case.place(2, 1, &case.shares[1]);
    case.node(0).obey(|_, _| Act::Delay(LATENCY / 2));
    let (downloaded, _) = case.good();
    assert_eq!(downloaded.corrupt.len(), 1);
    assert_eq!(downloaded.used[&ShareNum(0)], BTreeSet::from([id(case.order()[1])]));
}

#[test]
fn every_share_may_be_on_one_server() {
    let case = Case::new(1, 100_000, 10_000);
    assert_eq!(case.good().0.used.len(), 3);
}

#[test]
fn the_last_of_many_servers_is_found_although_the_first_ten_hang() {
    let case = Case::unplaced(13, (1, 1), 1000, 1 << 20);
    case.place(12, 0, &case.shares[0]);
    (0..10).for_each(|place| case.node(place).hang());
    let took = case.good().1;
    assert!(took <= case.policy.overdue.first + 3 * LATENCY, "{took:?}");
}

#[test]
fn the_next_download_does_not_wait_for_a_dead_server() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    let (undisturbed, victim) = (case.good().1, case.used().0);
    let case = Case::new(10, 1 << 20, 1 << 18);
    hang_at_read(case.node(victim), 0);
    let outcomes = case.run_all(3);
    assert!(outcomes[0].took > undisturbed);
    for outcome in outcomes.iter().skip(1) {
        assert!(outcome.result.is_ok());
        assert_eq!(outcome.took, undisturbed);
    }
}

#[test]
fn a_server_that_came_back_is_used_again() {
    let case = Case::unplaced(3, (3, 3), 1000, 1 << 20);
    (0..3).for_each(|n| case.place(usize::from(n), n, &case.shares[usize::from(n)]));
    let release = Instant::now;
    case.node(0).obey({
        let start = std::cell::OnceCell::new();
        move |_, _| match start.get_or_init(release).elapsed() < Duration::from_secs(30) {
            true => Act::Hang,
            false => Act::Delay(LATENCY),
        }
    });
    let took = case.good().1;
    let back = Duration::from_secs(30);
    assert!(took >= back && took <= back + case.policy.overdue.ceiling + 5 * LATENCY, "{took:?}");
}

#[test]
fn a_server_that_falls_silent_within_a_block_costs_no_more_than_one_that_never_begins() {
    let case = Case::new(10, 3 << 20, 1 << 20);
    let (undisturbed, victim) = (case.good().1, case.used().0);
    let case = Case::new(10, 3 << 20, 1 << 20);
    case.node(victim).obey(|kind, nth| match kind {
        Kind::Read if nth == 3 => Act::Trickle(10_000, 2 * MS, 4),
        _ => Act::Delay(LATENCY),
    });
    let (downloaded, took) = case.good();
    assert_eq!(downloaded.overdue, 1);
    assert!(took <= undisturbed + 4 * LATENCY, "{took:?} against {undisturbed:?}");
}

#[test]
fn a_slow_server_is_hedged_once_and_avoided_afterwards_but_never_called_overdue() {
    let case = Case::new(10, 5 << 20, 1 << 20);
    let (undisturbed, victim) = (case.good().1, case.used().0);
    let case = Case::new(10, 5 << 20, 1 << 20);
    case.node(victim).obey(|kind, nth| match kind {
        Kind::Read if nth > 2 => Act::Trickle(4_000, 15 * MS, usize::MAX),
        _ => Act::Delay(LATENCY),
    });
    let (downloaded, took) = case.good();
    assert_eq!((downloaded.hedges, downloaded.overdue), (1, 0));
    assert!(took <= undisturbed + 8 * LATENCY, "{took:?} against {undisturbed:?}");
}

#[test]
fn a_spare_that_hangs_while_it_is_opened_costs_nothing_and_is_overdue_once() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    let undisturbed = case.good().1;
    let case = Case::new(10, 1 << 20, 1 << 18);
    case.node(3).obey(|kind, _| if kind == Kind::Read { Act::Hang } else { Act::Delay(LATENCY) });
    let (downloaded, took) = case.good();
    assert_eq!(took, undisturbed);
    let spare = id(case.order()[3]);
    let late = |event: &&Event| matches!(event, Event::Overdue { server, .. } if *server == spare);
    assert_eq!(case.grid.recorder.events().iter().filter(late).count(), 1, "{downloaded:?}");
}

#[test]
fn a_share_found_late_replaces_one_that_turns_out_corrupt() {
    let case = Case::new(10, 1000, 1 << 20);
    case.damage(2, 2, case.layout.data_offset());
    (3..10).for_each(|place| case.node(place).hang());
    let start = std::cell::OnceCell::new();
    case.node(3).obey(move |_, _| match start.get_or_init(Instant::now).elapsed() < 2 * LATENCY {
        true => Act::Delay(3 * LATENCY),
        false => Act::Delay(LATENCY),
    });
    let (downloaded, took) = case.good();
    assert!(downloaded.used.contains_key(&ShareNum(3)));
    assert!(took <= 5 * LATENCY, "{took:?}");
}

#[test]
fn a_hang_adds_at_most_four_times_the_slowest_answer_of_its_segment_whatever_the_latencies() {
    let mut hangs = 0;
    for seed in 0..200 {
        let case = Case::new(10, 600_000, 100_000);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let victim = case.order()[usize::try_from(rng.next_u32() % 4).unwrap()];
        let silent_from = usize::try_from(3 + rng.next_u32() % 4).unwrap();
        for (n, node) in case.grid.nodes.iter().enumerate() {
            let rng = RefCell::new(ChaCha20Rng::seed_from_u64(rng.next_u64()));
            node.obey(move |kind, nth| match kind {
                Kind::Read if n == victim && nth >= silent_from => Act::Hang,
                _ => Act::Delay(MS * (10 + rng.borrow_mut().next_u32() % 30)),
            });
        }
        case.good();
        let (mut begun, mut asked, mut slowest, mut hung) = (None, BTreeMap::new(), Duration::ZERO, false);
        for (now, event) in case.grid.recorder.timed() {
            match event {
                Event::Asked { server, question: question @ Question::Block { .. }, .. } => {
                    begun.get_or_insert(now);
                    asked.insert((server, question), now);
                }
                Event::Answered { server, question: question @ Question::Block { .. } } => {
                    slowest = slowest.max(now - asked[&(server, question)]);
                }
                Event::Overdue { server, question: Question::Block { .. }, .. } => {
                    hung |= server == id(victim)
                }
                Event::SegmentDone { segment, .. } => {
                    let took = now - begun.unwrap();
                    hangs += u32::from(hung);
                    assert!(
                        !hung || took <= 5 * slowest,
                        "seed {seed}, segment {segment}: {took:?}, {slowest:?}"
                    );
                    (begun, slowest, hung) = (None, Duration::ZERO, false);
                }
                _ => {}
            }
        }
    }
    assert!(hangs > 35, "only {hangs} hangs");
}

#[test]
fn the_only_server_is_asked_again_a_few_times_and_each_time_later() {
    // A connection that breaks is replaced at once before that counts, so the last one fails less often.
    for (act, failing, succeeds) in [
        (Act::Fail(500), 1, true),
        (Act::Fail(429), 3, true),
        (Act::Fail(500), 4, false),
        (Act::LoseAnswer, 1, true),
        (Act::LoseAnswer, 4, true),
    ] {
        // Of three reads, the last one is for the block.
        let case = Case::unplaced(1, (1, 1), 1 << 20, 1 << 20);
        case.place(0, 0, &case.shares[0]);
        case.node(0).obey(move |kind, nth| match kind {
            Kind::Read if (2..2 + failing).contains(&nth) => act,
            _ => Act::Delay(LATENCY),
        });
        let took = if succeeds { case.good().1 } else { case.error().1 };
        assert!(took < Duration::from_secs(2), "{act:?} {took:?}");
        if act != Act::LoseAnswer {
            let pauses: u32 = (0..u32::try_from(failing).unwrap().min(3)).map(|nth| 1 << nth).sum();
            assert!(took >= case.policy.download.retry_after * pauses, "{act:?} {took:?}");
        }
    }
}
