//! The worked layouts, and every small random one against brute force.

use proptest::prelude::*;

use super::*;
use crate::format::ServerId;

fn set(shares: &[u8]) -> BTreeSet<ShareNum> {
    shares.iter().copied().map(ShareNum).collect()
}

fn rw(shares: &[u8]) -> Candidate {
    Candidate { existing: set(shares), writable: true }
}

fn ro(shares: &[u8]) -> Candidate {
    Candidate { existing: set(shares), writable: false }
}

fn of(total: u64) -> Encoding {
    Encoding::new(1, total).unwrap()
}

fn happiness_of(layout: &[&[u8]]) -> usize {
    let layout: Vec<_> = layout.iter().map(|shares| set(shares)).collect();
    happiness(&layout)
}

const TEN: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// What is held after every server took what it was assigned.
fn afterwards(candidates: &[Candidate], placement: &Placement) -> Vec<BTreeSet<ShareNum>> {
    candidates.iter().zip(&placement.assigned).map(|(c, assigned)| &c.existing | assigned).collect()
}

fn counts(placement: &Placement) -> Vec<usize> {
    placement.assigned.iter().map(BTreeSet::len).collect()
}

#[test]
fn happiness_is_the_size_of_a_maximum_matching() {
    let apart: Vec<Vec<u8>> = TEN.iter().map(|n| vec![*n]).collect();
    assert_eq!(happiness_of(&apart.iter().map(Vec::as_slice).collect::<Vec<_>>()), 10);
    assert_eq!(happiness_of(&[&TEN]), 1);
    assert_eq!(happiness_of(&[&[0, 4, 8], &[1, 5, 9], &[2, 6], &[3, 7]]), 4);
    assert_eq!(happiness_of(&[[0].as_slice(); 10]), 1);
    assert_eq!(happiness_of(&[[0, 1, 2].as_slice(); 3]), 3);
    assert_eq!(happiness_of(&[&[0, 1], &[1, 2], &[2]]), 3);
    assert_eq!(happiness_of(&[&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[0], &[0], &[0]]), 2);
    assert_eq!(happiness_of(&[&[1, 2, 3, 4], &[6], &[3], &[4], &[2]]), 5);
    assert_eq!(happiness_of(&[&[0, 1], &[0], &[1], &[0, 2]]), 3);
    assert_eq!(happiness_of(&[]), 0);
}

#[test]
fn as_many_servers_as_shares_get_one_each_in_order() {
    let placement = place(&vec![rw(&[]); 10], of(10));
    assert_eq!(placement.happiness, 10);
    for (server, shares) in placement.assigned.iter().enumerate() {
        assert_eq!(*shares, set(&[u8::try_from(server).unwrap()]));
    }
}

#[test]
fn the_rest_is_spread_evenly() {
    let placement = place(&vec![rw(&[]); 4], of(10));
    assert_eq!((counts(&placement), placement.happiness), (vec![3, 3, 2, 2], 4));
    assert_eq!(counts(&place(&[rw(&[])], of(10))), [10]);
}

#[test]
fn the_earliest_of_too_many_servers_are_used() {
    let placement = place(&vec![rw(&[]); 12], of(10));
    assert_eq!(counts(&placement), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
}

#[test]
fn a_read_only_server_is_relied_upon_for_what_it_holds() {
    let placement = place(&[ro(&[2]), rw(&[])], of(3));
    assert_eq!(placement.assigned, [set(&[2]), set(&[0, 1])]);
    assert_eq!(placement.happiness, 2);
}

#[test]
fn a_second_share_of_one_server_moves_to_an_empty_one() {
    let placement = place(&[rw(&[0]), rw(&[1]), rw(&[2, 3]), rw(&[])], of(4));
    assert_eq!(placement.assigned, [set(&[0]), set(&[1]), set(&[2]), set(&[3])]);
}

#[test]
fn a_server_with_everything_keeps_what_the_others_do_not_need() {
    let placement = place(&[rw(&TEN), rw(&[]), rw(&[]), rw(&[])], of(10));
    assert_eq!(placement.assigned, [set(&[0, 4, 5, 6, 7, 8, 9]), set(&[1]), set(&[2]), set(&[3])]);
    assert_eq!(placement.happiness, 4);
}

#[test]
fn copies_of_one_share_count_once() {
    let placement = place(&[rw(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), ro(&[0]), ro(&[0]), ro(&[0])], of(10));
    assert_eq!(placement.happiness, 2);
    assert_eq!(placement.assigned[0], set(&[1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert_eq!(placement.assigned[1], set(&[0]));
}

#[test]
fn a_read_only_server_gives_way_for_one_with_less_choice() {
    let placement = place(&[ro(&[0, 1, 2]), ro(&[0]), rw(&[0])], of(3));
    assert_eq!(placement.happiness, 3);
    assert_eq!(placement.assigned, [set(&[1]), set(&[0]), set(&[2])]);
}

#[test]
fn without_servers_every_share_is_homeless() {
    let placement = place(&[], of(10));
    assert_eq!((placement.happiness, placement.homeless), (0, set(&TEN)));
}

#[test]
fn a_read_only_server_without_shares_is_never_asked_for_one() {
    let placement = place(&[rw(&[]), ro(&[]), ro(&[0, 1])], of(2));
    assert_eq!(placement.assigned, [set(&[1]), set(&[]), set(&[0])]);
    assert_eq!(placement.happiness, 2);
}

#[test]
fn a_refused_share_goes_to_a_server_that_still_takes_some() {
    let mut candidates = vec![rw(&[]); 3];
    let first = place(&candidates, of(3));
    for (candidate, assigned) in candidates.iter_mut().zip(&first.assigned) {
        candidate.existing = assigned.clone();
    }
    candidates[1] = ro(&[]);
    candidates.push(rw(&[]));
    let second = place(&candidates, of(3));
    assert_eq!(second.assigned, [set(&[0]), set(&[]), set(&[2]), set(&[1])]);
}

#[test]
fn shares_of_another_encoding_do_not_count() {
    let placement = place(&[ro(&[7]), rw(&[9])], of(2));
    assert_eq!((placement.happiness, placement.assigned), (1, vec![set(&[]), set(&[0, 1])]));
}

#[test]
fn known_layouts_that_must_be_happy_are() {
    let cases: [(&[Candidate], u64, usize); 5] = [
        (&[rw(&[0, 1, 2, 3]), rw(&[0, 3]), rw(&[1]), rw(&[2])], 4, 4),
        (&[rw(&[]), rw(&[0, 3]), rw(&[2]), rw(&[1])], 4, 4),
        (&[rw(&TEN), ro(&[4]), ro(&[3]), ro(&[1])], 10, 4),
        (&[ro(&TEN), ro(&[4]), ro(&[3]), ro(&[1])], 10, 4),
        (&[ro(&TEN), rw(&[]), rw(&[]), rw(&[])], 10, 4),
    ];
    for (candidates, total, happy) in cases {
        let placement = place(candidates, of(total));
        assert_eq!(placement.happiness, happy, "{candidates:?}");
        assert_eq!(happiness(&afterwards(candidates, &placement)), happy, "{candidates:?}");
    }
}

/// The best happiness there is, by trying every share for every server in turn.
fn best(candidates: &[Candidate], used: &mut BTreeSet<ShareNum>, total: u8) -> usize {
    let Some((first, rest)) = candidates.split_first() else { return 0 };
    let mut found = best(rest, used, total);
    for share in (0..total).map(ShareNum) {
        if (first.writable || first.existing.contains(&share)) && used.insert(share) {
            found = found.max(1 + best(rest, used, total));
            used.remove(&share);
        }
    }
    found
}

fn layouts() -> impl Strategy<Value = (Vec<Candidate>, u8)> {
    (1..=4u8).prop_flat_map(|total| {
        let candidate =
            (proptest::collection::btree_set((0..total).prop_map(ShareNum), 0..=3), any::<bool>())
                .prop_map(|(existing, writable)| Candidate { existing, writable });
        (proptest::collection::vec(candidate, 0..=5), Just(total))
    })
}

proptest! {
    #[test]
    fn no_placement_is_happier((candidates, total) in layouts()) {
        let placement = place(&candidates, of(u64::from(total)));
        let best = best(&candidates, &mut BTreeSet::new(), total);
        prop_assert_eq!(placement.happiness, best);
        prop_assert_eq!(happiness(&placement.assigned), best);
    }

    #[test]
    fn a_read_only_server_is_assigned_only_what_it_holds((candidates, total) in layouts()) {
        let placement = place(&candidates, of(u64::from(total)));
        for (candidate, assigned) in candidates.iter().zip(&placement.assigned) {
            prop_assert!(candidate.writable || assigned.is_subset(&candidate.existing));
        }
    }

    #[test]
    fn every_share_is_assigned_once_or_homeless((candidates, total) in layouts()) {
        let placement = place(&candidates, of(u64::from(total)));
        let mut all: Vec<_> = placement.assigned.iter().flatten().chain(&placement.homeless).copied().collect();
        all.sort();
        prop_assert_eq!(all, (0..total).map(ShareNum).collect::<Vec<_>>());
        prop_assert!(placement.homeless.is_empty() || candidates.iter().all(|c| !c.writable));
    }

    #[test]
    fn placing_again_when_everything_was_granted_changes_nothing((candidates, total) in layouts()) {
        let first = place(&candidates, of(u64::from(total)));
        let granted: Vec<_> = candidates
            .iter()
            .zip(&first.assigned)
            .map(|(c, assigned)| Candidate { existing: &c.existing | assigned, writable: c.writable })
            .collect();
        let second = place(&granted, of(u64::from(total)));
        for (candidate, assigned) in granted.iter().zip(&second.assigned) {
            prop_assert!(assigned.is_subset(&candidate.existing), "asked for more: {:?}", second);
        }
    }

    #[test]
    fn happiness_equals_brute_force((candidates, total) in layouts()) {
        let frozen: Vec<_> = candidates.into_iter().map(|c| Candidate { writable: false, ..c }).collect();
        let layout: Vec<_> = frozen.iter().map(|c| c.existing.clone()).collect();
        prop_assert_eq!(happiness(&layout), best(&frozen, &mut BTreeSet::new(), total));
    }
}

fn unhappy(outcomes: &[Outcome], happiness: usize, happy: usize) -> UnhappyError {
    let servers = outcomes.iter().enumerate().map(|(n, o)| (ServerId::new(&format!("s{n}")), o.clone()));
    let servers: Vec<(ServerId, Outcome)> = servers.collect();
    let last_failure = servers.iter().rev().find_map(|(server, outcome)| match outcome {
        Outcome::Failed(reason) => Some(Box::new(Failure { server: server.clone(), reason: reason.clone() })),
        _ => None,
    });
    let offers = Offers { made: 9, taken: 5, full: 2, failed: 1 };
    let (needed, total, placed) = (3, 10, happiness);
    UnhappyError { happiness, happy, needed, total, placed, servers, offers, last_failure }
}

#[test]
fn the_error_tells_full_from_broken_from_silent() {
    let error = unhappy(
        &[
            Outcome::Full,
            Outcome::Failed("the server answered 500".into()),
            Outcome::Silent(std::time::Duration::from_secs(2)),
            Outcome::Full,
        ],
        0,
        7,
    );
    assert_eq!((error.full(), error.failed(), error.silent()), (2, 1, 1));
    assert!(!error.is_full());
    insta::assert_snapshot!(error, @"only 0 servers with shares or room for them, fewer than the 3 that rebuild the file; 7 were asked for; placed 0 of 10 shares; 4 servers asked: 2 full, 1 failed, 1 silent; 9 requests for room: 5 granted, 2 refused as full, 1 failed; last failure: s1: the server answered 500");
}

#[test]
fn the_error_says_in_which_way_the_shares_are_badly_spread() {
    let start = |outcomes: &[Outcome], happiness, happy| {
        let error = unhappy(outcomes, happiness, happy);
        (error.shortfall(), error.to_string().split(';').next().unwrap_or_default().to_owned())
    };
    let (shortfall, text) = start(&[Outcome::Holds(5), Outcome::Holds(5)], 2, 7);
    assert_eq!(shortfall, Shortfall::TooFewServers);
    insta::assert_snapshot!(text, @"only 2 servers with shares or room for them, fewer than the 3 that rebuild the file");

    let uneven = [Outcome::Holds(9), Outcome::Holds(1), Outcome::Holds(1), Outcome::Holds(1)];
    let (shortfall, text) = start(&uneven, 2, 4);
    assert_eq!(shortfall, Shortfall::Uneven);
    insta::assert_snapshot!(text, @"4 servers with shares or room for them, but the shares are not spread out evenly enough: only 2 of these servers would bring one of their own");

    let (shortfall, text) = start(&vec![Outcome::Holds(2); 5], 5, 7);
    assert_eq!(shortfall, Shortfall::TooFewOfThem);
    insta::assert_snapshot!(text, @"only 5 servers could be found such that any 3 of them rebuild the file");

    let (shortfall, text) = start(&[], 0, 7);
    assert_eq!(shortfall, Shortfall::NoServers);
    insta::assert_snapshot!(text, @"there are no servers to place shares on");
}
