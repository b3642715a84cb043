//! Margins against brute force, and in words.

use lafs::format::ShareNum;
use proptest::prelude::*;

use super::*;

fn margin(losses: i64, exact: bool) -> Margin {
    Margin { losses, exact, of: SHARE }
}

/// Copies with their share, their server and which of two segments are good.
type Copies = Vec<(u8, u8, [bool; 2])>;

/// Some have good blocks and no good crypttext hash tree, so that the trees can be what is lost first.
fn has_tree(share: u8) -> bool {
    share.is_multiple_of(3)
}

fn copies(copies: &Copies) -> Vec<(ShareNum, String, Quality)> {
    let of = |(share, server, blocks): &(u8, u8, [bool; 2])| {
        let quality = Quality { blocks: blocks.to_vec(), crypttext_tree: has_tree(*share) };
        (ShareNum(*share), format!("s{server}"), quality)
    };
    copies.iter().map(of).collect()
}

/// Whether these servers are enough.
fn possible(copies: &Copies, left: &BTreeSet<u8>, needed: usize) -> bool {
    let there = || copies.iter().filter(|(_, server, _)| left.contains(server));
    let enough = |segment: usize| {
        let shares = there().filter(|(.., good)| good[segment]).map(|(share, ..)| *share);
        shares.collect::<BTreeSet<u8>>().len() >= needed
    };
    enough(0) && enough(1) && there().any(|(share, ..)| has_tree(*share))
}

/// The least number of servers whose loss breaks it, less one; none if it is broken already.
fn brute_force(copies: &Copies, servers: u8, needed: usize) -> Option<i64> {
    let sets = (0..1u32 << servers)
        .map(|set| (0..servers).filter(|server| set >> server & 1 == 1).collect::<BTreeSet<u8>>());
    let broken = sets.filter(|left| !possible(copies, left, needed));
    let fewest = broken.map(|left| i64::from(servers) - left.len() as i64).min();
    fewest.map(|lost| lost - 1).filter(|margin| *margin >= 0)
}

fn grid(servers: u8, shares: u8) -> impl Strategy<Value = Copies> {
    let copy = (0..shares, 0..servers, proptest::array::uniform2(proptest::bool::weighted(0.9)));
    proptest::collection::vec(copy, 0..20)
}

proptest! {
    #[test]
    fn small_grids_are_as_brute_force_says(grid in grid(7, 8), needed in 1usize..5) {
        let found = download(&copies(&grid), 0, 2, needed);
        match brute_force(&grid, 7, needed) {
            Some(losses) => prop_assert_eq!(found, margin(losses, true)),
            None => prop_assert!(found.losses < 0, "{:?}", found),
        }
    }

    #[test]
    fn large_grids_are_never_promised_too_much(grid in grid(7, 8), needed in 1usize..5) {
        let servers = |segment: usize| -> Vec<Shares> {
            (0..7).map(|server| {
                let held = grid.iter().filter(|(_, at, good)| *at == server && good[segment]);
                held.fold(Shares::default(), |held, (share, ..)| held.with(usize::from(*share)))
            }).collect()
        };
        let (exact, bound) = (of_pattern(&servers(1), needed, true), of_pattern(&servers(1), needed, false));
        prop_assert!(exact.exact);
        prop_assert!(bound.losses <= exact.losses);
        prop_assert!(!bound.exact || bound == exact);
    }
}

#[test]
fn one_share_on_each_of_any_number_of_servers_is_exact() {
    for servers in [3u8, 10, 16, 17, 89] {
        let spread: Copies = (0..servers).map(|server| (server, server, [true; 2])).collect();
        let mut whole = copies(&spread);
        whole.iter_mut().for_each(|(.., quality)| quality.crypttext_tree = true);
        let found = download(&whole, 0, 2, 3);
        assert_eq!(found, margin(i64::from(servers) - 3, true));
    }
}

#[test]
fn two_shares_of_three_are_one_short() {
    let two: Copies = vec![(0, 0, [true; 2]), (1, 1, [true; 2]), (1, 2, [true; 2])];
    assert_eq!(download(&copies(&two), 0, 2, 3), margin(-1, true));
    assert_eq!(download(&[], 0, 2, 3), margin(-3, true));
}

#[test]
fn only_the_segments_that_are_asked_for_count() {
    let half: Copies = (0..4).map(|at| (at, at, [true, at == 0])).collect();
    assert_eq!(download(&copies(&half), 0, 1, 3).losses, 1);
    assert_eq!(download(&copies(&half), 1, 2, 3).losses, -2);
    assert_eq!(download(&copies(&half), 0, 2, 3).losses, -2);
}

#[test]
fn an_upload_can_lose_servers_until_happiness_is_out_of_reach() {
    assert_eq!(upload(14, 0, 10, 7), Margin { of: SERVER, ..margin(7, true) });
    assert_eq!(upload(7, 0, 10, 7), Margin { of: SERVER, ..margin(0, true) });
    assert_eq!(upload(5, 0, 10, 7), Margin { of: SERVER, ..margin(-2, true) });
    assert_eq!(upload(8, 3, 10, 7), Margin { of: SERVER, ..margin(1, false) });
}

#[test]
fn a_margin_is_told_in_words() {
    let told = |losses, exact| margin(losses, exact).to_string();
    assert_eq!(told(3, true), "would survive 3 more losses");
    assert_eq!(told(1, false), "would survive at least 1 more loss");
    assert_eq!(told(0, true), "would survive no further loss");
    assert_eq!(told(0, false), "would survive at least 0 more losses");
    assert_eq!(told(-2, true), "2 shares short");
}
