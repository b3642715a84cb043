//! Selections against servers that are good, full, broken or silent, in any order of their answers.

use proptest::prelude::*;

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn at(n: u64) -> Moment {
    Moment(ms(n))
}

fn policy() -> OverduePolicy {
    OverduePolicy { floor: ms(100), first: ms(2000), ..crate::plan::Policy::default().overdue }
}

fn selection(servers: usize, (needed, happy, total): (u64, usize, u64)) -> Selection {
    Selection::new(servers, Encoding::new(needed, total).unwrap(), happy, policy())
}

fn set(shares: &[u8]) -> BTreeSet<ShareNum> {
    shares.iter().copied().map(ShareNum).collect()
}

fn finds(range: std::ops::Range<usize>) -> Decision {
    Decision::Ask(range.map(Move::Find).collect())
}

fn empty(selection: &mut Selection, servers: impl IntoIterator<Item = usize>, now: Moment) {
    for server in servers {
        selection.found(server, now, BTreeSet::new(), true);
    }
}

fn allocate(pairs: &[(usize, &[u8])]) -> Decision {
    Decision::Ask(pairs.iter().map(|(server, shares)| Move::Allocate(*server, set(shares))).collect())
}

#[test]
fn twice_as_many_servers_as_shares_are_asked_first() {
    let mut selection = selection(40, (3, 7, 10));
    assert_eq!(selection.decide(at(0)), finds(0..20));
    assert_eq!(selection.decide(at(0)), Decision::Wait(Some(at(2000))));
}

#[test]
fn allocating_begins_when_every_share_has_a_server_and_the_others_had_their_chance() {
    let mut selection = selection(4, (1, 1, 2));
    selection.decide(at(0));
    empty(&mut selection, [3], at(5));
    selection.decide(at(5));
    empty(&mut selection, [1], at(6));
    assert_eq!(selection.decide(at(6)), Decision::Wait(Some(at(18))));
    assert_eq!(selection.decide(at(18)), allocate(&[(1, &[0]), (3, &[1])]));
}

#[test]
fn a_silent_server_is_waited_for_only_a_multiple_of_what_the_others_took() {
    let mut selection = selection(3, (1, 2, 3));
    selection.decide(at(0));
    empty(&mut selection, [0, 2], at(50));
    assert_eq!(selection.decide(at(50)), Decision::Wait(Some(at(150))));
    assert_eq!(selection.expire(at(149)), []);
    assert_eq!(selection.expire(at(150)), [(1, false, ms(150))]);
    assert_eq!(selection.decide(at(150)), allocate(&[(0, &[0, 2]), (2, &[1])]));
}

#[test]
fn a_suspect_is_not_waited_for_longer_than_the_others_took() {
    let mut selection = selection(3, (1, 2, 3));
    selection.suspect(1);
    selection.decide(at(0));
    empty(&mut selection, [0, 2], at(5));
    assert_eq!(selection.decide(at(5)), Decision::Wait(Some(at(15))));
    assert_eq!(selection.expire(at(15)), [(1, false, ms(15))]);
    assert_eq!(selection.decide(at(15)), allocate(&[(0, &[0, 2]), (2, &[1])]));
}

#[test]
fn a_silent_allocation_goes_elsewhere_and_its_late_grant_is_not_used() {
    let mut selection = selection(3, (1, 2, 2));
    selection.decide(at(0));
    empty(&mut selection, [0, 1, 2], at(10));
    assert_eq!(selection.decide(at(10)), allocate(&[(0, &[0]), (1, &[1])]));
    selection.granted(0, at(20), set(&[]), &set(&[0]));
    assert_eq!(selection.expire(at(110)), [(1, true, ms(100))]);
    assert_eq!(selection.decide(at(110)), allocate(&[(2, &[1])]));
    selection.granted(2, at(120), set(&[]), &set(&[1]));
    assert_eq!(selection.decide(at(120)), Decision::Settled(vec![set(&[0]), set(&[]), set(&[1])]));
}

#[test]
fn without_an_alternative_even_an_overdue_server_is_waited_for() {
    let mut selection = selection(2, (1, 2, 2));
    selection.decide(at(0));
    empty(&mut selection, [0], at(10));
    selection.expire(at(5000));
    assert_eq!(selection.decide(at(5000)), Decision::Wait(None));
    empty(&mut selection, [1], at(6000));
    assert_eq!(selection.decide(at(6000)), allocate(&[(0, &[0]), (1, &[1])]));
}

#[test]
fn further_servers_are_asked_when_the_first_do_not_suffice() {
    let mut selection = selection(9, (1, 2, 2));
    assert_eq!(selection.decide(at(0)), finds(0..4));
    for server in 0..3 {
        selection.found(server, at(1), BTreeSet::new(), false);
    }
    // The fourth alone cannot make two servers of happiness.
    assert_eq!(selection.decide(at(1)), finds(4..6));
}

#[test]
fn a_full_server_is_replaced() {
    let mut selection = selection(3, (1, 2, 2));
    selection.decide(at(0));
    empty(&mut selection, 0..3, at(1));
    selection.decide(at(1));
    selection.granted(0, at(2), set(&[]), &set(&[]));
    selection.granted(1, at(2), set(&[]), &set(&[1]));
    assert_eq!(selection.decide(at(2)), allocate(&[(2, &[0])]));
}

#[test]
fn shares_that_are_there_already_only_have_their_lease_renewed() {
    let mut selection = selection(2, (1, 2, 2));
    selection.decide(at(0));
    selection.found(0, at(1), set(&[1]), false);
    selection.found(1, at(1), set(&[0, 1]), true);
    assert_eq!(selection.decide(at(1)), allocate(&[(0, &[1]), (1, &[0])]));
    selection.granted(0, at(2), set(&[1]), &set(&[]));
    selection.granted(1, at(2), set(&[0, 1]), &set(&[]));
    assert_eq!(selection.decide(at(2)), Decision::Settled(vec![set(&[]), set(&[])]));
}

#[test]
fn the_error_of_full_and_broken_servers_counts_them() {
    let mut selection = selection(3, (1, 2, 2));
    selection.decide(at(0));
    selection.found(0, at(1), set(&[]), false);
    selection.failed(1, "the server answered 500".into(), false);
    selection.failed(2, "connection lost".into(), true);
    assert_eq!(selection.decide(at(1)), Decision::Unhappy);
    let ids: Vec<_> = ["a", "b", "c"].iter().map(|name| ServerId::new(name)).collect();
    let error = selection.unhappy(at(1), &ids);
    assert_eq!((error.full(), error.failed(), error.silent(), error.placed), (1, 2, 0, 0));
    assert_eq!(error.offers, Offers::default());
    let last = Failure { server: ServerId::new("c"), reason: "connection lost".to_owned() };
    assert_eq!(error.last_failure.as_deref(), Some(&last));
}

#[test]
fn of_forty_servers_all_are_asked_before_it_is_given_up() {
    let mut selection = selection(40, (3, 7, 10));
    let mut asked = 0;
    for (now, until) in [(0, 20), (1, 30), (2, 40)] {
        assert_eq!(selection.decide(at(now)), finds(asked..until));
        (asked..until).for_each(|server| selection.found(server, at(now + 1), BTreeSet::new(), false));
        asked = until;
    }
    assert_eq!(selection.decide(at(3)), Decision::Unhappy);
}

#[test]
fn every_request_for_room_is_counted_by_what_came_of_it() {
    let mut selection = selection(3, (1, 3, 3));
    selection.decide(at(0));
    empty(&mut selection, 0..3, at(1));
    assert_eq!(selection.decide(at(1)), allocate(&[(0, &[0]), (1, &[1]), (2, &[2])]));
    selection.granted(0, at(2), set(&[]), &set(&[0]));
    selection.granted(1, at(2), set(&[]), &set(&[]));
    selection.failed(2, "the server answered 500".into(), false);
    assert_eq!(selection.offers(), Offers { made: 3, taken: 1, full: 1, failed: 1 });
    assert_eq!(selection.last_failure(), Some((2, "the server answered 500")));
}

/// How one server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Full,
    FindFails,
    AllocateFails,
    FindHangs,
    AllocateHangs,
}

proptest! {
    #[test]
    fn every_selection_ends_and_is_happy_when_the_good_servers_suffice(
        kinds in proptest::collection::vec(
            prop_oneof![
                3 => Just(Kind::Good),
                1 => prop_oneof![
                    Just(Kind::Full),
                    Just(Kind::FindFails),
                    Just(Kind::AllocateFails),
                    Just(Kind::FindHangs),
                    Just(Kind::AllocateHangs),
                ],
            ],
            0..12,
        ),
        total in 1..5u64,
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 200),
    ) {
        let happy = usize::try_from(total).unwrap();
        let mut selection = selection(kinds.len(), (1, happy, total));
        let mut pending: Vec<Move> = Vec::new();
        let mut unusable = BTreeSet::new();
        let mut now = at(0);
        let mut order = order.iter();
        let mut steps = 0;
        let outcome = loop {
            steps += 1;
            prop_assert!(steps < 200, "does not end");
            unusable.extend(selection.expire(now).into_iter().map(|(server, ..)| server));
            let until = match selection.decide(now) {
                Decision::Ask(moves) => {
                    for asked in &moves {
                        let (Move::Find(server) | Move::Allocate(server, _)) = asked;
                        prop_assert!(!unusable.contains(server), "{server} is asked again");
                    }
                    pending.extend(moves);
                    continue;
                }
                Decision::Wait(until) => until,
                Decision::Settled(homes) => break Some(homes),
                Decision::Unhappy => break None,
            };
            let hangs = |asked: &Move| match asked {
                Move::Find(server) => kinds[*server] == Kind::FindHangs,
                Move::Allocate(server, _) => kinds[*server] == Kind::AllocateHangs,
            };
            let answering: Vec<_> = (0..pending.len()).filter(|n| !hangs(&pending[*n])).collect();
            if answering.is_empty() {
                match until {
                    Some(until) => now = until,
                    // The transport gives up in the end.
                    None => {
                        let (Move::Find(server) | Move::Allocate(server, _)) = pending.swap_remove(0);
                        unusable.insert(server);
                        selection.failed(server, "silent".into(), true);
                    }
                }
                continue;
            }
            now = now + ms(1);
            let next = order.next().map_or(0, |index| index.index(answering.len()));
            match pending.swap_remove(answering[next]) {
                Move::Find(server) if kinds[server] == Kind::FindFails => {
                    unusable.insert(server);
                    selection.failed(server, "broken".into(), false);
                }
                Move::Find(server) => selection.found(server, now, BTreeSet::new(), true),
                Move::Allocate(server, _) if kinds[server] == Kind::AllocateFails => {
                    unusable.insert(server);
                    selection.failed(server, "broken".into(), false);
                }
                Move::Allocate(server, _) if kinds[server] == Kind::Full => {
                    selection.granted(server, now, BTreeSet::new(), &BTreeSet::new());
                }
                Move::Allocate(server, shares) => selection.granted(server, now, BTreeSet::new(), &shares),
            }
        };
        let good = kinds.iter().filter(|kind| **kind == Kind::Good).count();
        prop_assert_eq!(outcome.is_some(), good >= happy);
        if let Some(homes) = outcome {
            prop_assert_eq!(happiness(&homes), happy);
            prop_assert_eq!(homes.iter().map(BTreeSet::len).sum::<usize>(), happy, "a share has one home");
        }
    }
}
