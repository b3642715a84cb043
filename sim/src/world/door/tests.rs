//! Which requests a door strikes, and how bursts go on.

use std::task::Waker;

use super::*;
use crate::seed::Seed;

const ERROR: Effect = Effect::Spoil(Spoil::Reset { applied: false });

fn aim(which: Which) -> Aim {
    Aim { only: None, keys: None, which, again: None }
}

fn door(aim: &Aim) -> Door {
    let mut door = Door::default();
    door.begin(0, ERROR, aim, Seed::root(0).rng());
    door
}

fn is_struck(door: &mut Door, kind: RequestKind, key: &str, millis: u64) -> bool {
    let caller = Caller { kind: Some(kind), key, now: Duration::from_millis(millis) };
    let cx = Context::from_waker(Waker::noop());
    match door.poll_pass(&mut Visit::default(), caller, &cx, |_| ()) {
        Poll::Ready(spoilt) => spoilt.is_some(),
        Poll::Pending => panic!("held"),
    }
}

#[test]
fn only_keys_that_begin_so_and_only_that_kind_are_struck() {
    let aim = Aim { only: Some(RequestKind::Put), keys: Some("s0/mutable/".to_owned()), ..aim(Which::All) };
    let mut door = door(&aim);
    assert!(is_struck(&mut door, RequestKind::Put, "s0/mutable/a/0", 0));
    assert!(!is_struck(&mut door, RequestKind::Get, "s0/mutable/a/0", 0));
    assert!(!is_struck(&mut door, RequestKind::Put, "s0/immutable/a/0", 0));
    assert!(!is_struck(&mut door, RequestKind::Put, "s0/mutabl", 0));
}

/// Of so many tries for a key each, with so many retries after failures: the share of first tries and of second
/// tries that are struck.
fn shares(usual: f64, again: Again, pause_millis: u64) -> (f64, f64) {
    let mut door = door(&Aim { again: Some(again), ..aim(Which::Chance(usual)) });
    let (mut first, mut second) = (0, 0);
    let tries = 20_000;
    for n in 0..tries {
        let key = n.to_string();
        if is_struck(&mut door, RequestKind::Put, &key, 0) {
            first += 1;
            // Neither another kind nor another key is in the way.
            is_struck(&mut door, RequestKind::Get, &key, 0);
            is_struck(&mut door, RequestKind::Put, "other", 0);
            second += usize::from(is_struck(&mut door, RequestKind::Put, &key, pause_millis));
        }
    }
    (f64::from(first) / f64::from(tries), second as f64 / f64::from(first))
}

#[test]
fn a_burst_goes_on_with_its_own_chance() {
    let (first, second) = shares(0.1, Again { chance: 0.5, within: None }, 0);
    assert!((0.09..0.11).contains(&first), "{first}");
    assert!((0.46..0.54).contains(&second), "{second}");
}

#[test]
fn a_burst_is_over_after_its_time() {
    let again = Again { chance: 1.0, within: Some(Duration::from_secs(1)) };
    assert_eq!(shares(0.1, again, 1_000).1, 1.0);
    let second = shares(0.1, again, 1_001).1;
    assert!((0.07..0.13).contains(&second), "{second}: the usual chance");
}

#[test]
fn a_burst_that_ends_is_over() {
    let again = Again { chance: 0.0, within: None };
    let mut door = door(&Aim { again: Some(again), ..aim(Which::Every(2)) });
    let struck: Vec<bool> = (0..6).map(|_| is_struck(&mut door, RequestKind::Put, "a", 0)).collect();
    assert_eq!(struck, [false, true, false, false, true, false], "what `again` decides is not counted");
}

#[test]
fn a_limit_strikes_what_is_too_much() {
    let mut door = Door::default();
    let throttle = Throttle { puts_per_second: 1, gets_per_second: 2, retry_after: None };
    door.limit(0, &throttle, Seed::root(0).rng());
    assert!(!is_struck(&mut door, RequestKind::Put, "a/b/c", 0));
    assert!(is_struck(&mut door, RequestKind::Put, "a/b/d", 500));
    assert!(!is_struck(&mut door, RequestKind::Get, "a/b/d", 500));
    assert!(!is_struck(&mut door, RequestKind::Put, "a/b/d", 1_000));
}
