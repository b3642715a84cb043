//! Smallest sets: greedy first, then everything smaller, until a limit. Knows nothing of runs.

use std::collections::BTreeSet;

use super::Set;

/// A small subset of `all` for which `works` says yes, as it does for `all` itself. None from `works` ends the search.
///
/// # Errors
/// Those of `works`.
pub(super) fn smallest<E>(
    all: &BTreeSet<usize>,
    mut works: impl FnMut(&BTreeSet<usize>) -> Result<Option<bool>, E>,
) -> Result<Set, E> {
    let mut best = all.clone();
    loop {
        let before = best.len();
        for one in all {
            let mut fewer = best.clone();
            if !fewer.remove(one) {
                continue;
            }
            match works(&fewer)? {
                Some(true) => best = fewer,
                Some(false) => {}
                None => return Ok(Set { faults: best, smallest: false }),
            }
        }
        if best.len() == before {
            break;
        }
    }
    let of: Vec<usize> = all.iter().copied().collect();
    for size in 0..best.len() {
        let mut places: Vec<usize> = (0..size).collect();
        loop {
            let set = places.iter().filter_map(|place| of.get(*place).copied()).collect();
            match works(&set)? {
                Some(true) => return Ok(Set { faults: set, smallest: true }),
                Some(false) => {}
                None => return Ok(Set { faults: best, smallest: false }),
            }
            if !advance(&mut places, of.len()) {
                break;
            }
        }
    }
    Ok(Set { faults: best, smallest: true })
}

/// The next choice of as many places out of `of`, in lexicographic order. False after the last.
fn advance(places: &mut [usize], of: usize) -> bool {
    let size = places.len();
    let Some(at) = (0..size).rev().find(|at| places[*at] < of - size + at) else { return false };
    places[at] += 1;
    for next in at + 1..size {
        places[next] = places[next - 1] + 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest set found with at most `limit` questions, and how many were asked.
    fn found(of: usize, limit: u64, works: impl Fn(&BTreeSet<usize>) -> bool) -> (Set, u64) {
        let mut asked = 0;
        let set = smallest(&(0..of).collect(), |set| {
            asked += 1;
            Ok::<_, ()>((asked <= limit).then(|| works(set)))
        });
        (set.unwrap(), asked)
    }

    #[test]
    fn what_is_needed_is_found_and_nothing_else() {
        let (set, _) = found(8, 300, |set| set.contains(&2) && set.contains(&7));
        assert_eq!(set, Set { faults: [2, 7].into(), smallest: true });
        assert_eq!(found(5, 300, |_| true).0, Set { faults: [].into(), smallest: true });
        assert_eq!(found(3, 300, |set| set.len() == 3).0, Set { faults: [0, 1, 2].into(), smallest: true });
    }

    #[test]
    fn a_smaller_set_is_found_where_greed_ends_at_a_larger_one() {
        // Greed drops 0 first and is left with 1, 2 and 3.
        let works = |set: &BTreeSet<usize>| set.contains(&0) || set.is_superset(&[1, 2, 3].into());
        assert_eq!(found(4, 300, works).0, Set { faults: [0].into(), smallest: true });
    }

    #[test]
    fn at_the_limit_the_best_so_far_is_told_as_such() {
        let (set, asked) = found(20, 30, |set| (0..20).filter(|one| set.contains(one)).count() >= 10);
        assert_eq!((set.faults.len(), set.smallest, asked), (10, false, 31));
    }

    #[test]
    fn all_choices_come_once() {
        let mut places = vec![0, 1, 2];
        let mut seen = BTreeSet::from([places.clone()]);
        while advance(&mut places, 6) {
            assert!(seen.insert(places.clone()));
        }
        assert_eq!(seen.len(), 20);
        assert!(!advance(&mut [], 6));
    }
}
