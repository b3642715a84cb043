//! Where shares go, and when that will do.

use super::*;
use crate::format::hash::Digest;

fn version(seqnum: u64) -> VersionId {
    VersionId { seqnum, root_hash: Digest([0; 32]) }
}

fn spread(servers: usize) -> Spread {
    Spread::new(servers, Encoding::THREE_OF_TEN, 7)
}

/// Server n holds share n of version 1.
fn over_ten(servers: usize) -> Spread {
    let mut spread = spread(servers);
    (0..10).for_each(|n| spread.on_old(n, ShareNum(u8::try_from(n).unwrap()), Some(version(1))));
    spread
}

#[test]
fn a_new_file_goes_to_the_first_n_servers() {
    let pairs = spread(13).to_write();
    assert_eq!(pairs.iter().map(|(server, _)| *server).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(pairs.iter().map(|(_, share)| *share).collect::<BTreeSet<_>>().len(), 10);
}

#[test]
fn every_share_that_is_there_is_written_over_where_it_is() {
    let mut spread = over_ten(20);
    spread.on_old(15, ShareNum(3), None);
    let pairs = spread.to_write();
    assert_eq!(pairs.len(), 11);
    assert!(pairs.contains(&(15, ShareNum(3))) && pairs.contains(&(3, ShareNum(3))));
}

#[test]
fn what_a_server_does_not_take_goes_to_the_next_one() {
    let mut spread = over_ten(20);
    let pairs = spread.to_write();
    spread.on_failed(4, ShareNum(4), true);
    assert_eq!(spread.to_write(), [(10, ShareNum(4))]);
    spread.on_overdue(10, ShareNum(4));
    assert_eq!(spread.to_write(), [(11, ShareNum(4))]);
    pairs
        .into_iter()
        .filter(|(server, _)| *server != 4)
        .for_each(|(server, share)| spread.on_written(server, share));
    assert!(!spread.is_done());
    spread.on_written(11, ShareNum(4));
    assert!(spread.to_write().is_empty());
    assert!(spread.is_done(), "the one that is overdue is not needed");
    let standing = spread.standing();
    assert_eq!((standing.shares, standing.happiness, standing.older_left), (10, 10, 1));
    assert!(standing.is_good(Encoding::THREE_OF_TEN));
}

#[test]
fn a_layout_on_one_server_is_widened() {
    let mut spread = spread(10);
    (0..10).for_each(|share| spread.on_old(0, ShareNum(share), Some(version(1))));
    let pairs = spread.to_write();
    let servers: BTreeSet<usize> = pairs.iter().map(|(server, _)| *server).collect();
    assert_eq!(servers.len(), 10);
    assert_eq!(pairs.iter().filter(|(server, _)| *server == 0).count(), 10, "all old shares are replaced");
}

#[test]
fn seven_servers_that_refuse_leave_a_degraded_version() {
    let mut spread = over_ten(10);
    let mut pairs = spread.to_write();
    while !pairs.is_empty() {
        for (server, share) in pairs {
            if server < 7 { spread.on_failed(server, share, true) } else { spread.on_written(server, share) }
        }
        pairs = spread.to_write();
    }
    assert!(spread.is_done());
    let standing = spread.standing();
    assert_eq!((standing.shares, standing.happiness, standing.wanted, standing.older_left), (10, 3, 3, 7));
    assert!(!standing.is_good(Encoding::THREE_OF_TEN));
}

#[test]
fn shares_on_servers_that_cannot_be_read_from_do_not_count_as_left() {
    let mut spread = over_ten(10);
    for (server, share) in spread.to_write() {
        if server < 7 { spread.on_failed(server, share, false) } else { spread.on_written(server, share) }
    }
    for (server, share) in spread.to_write() {
        spread.on_written(server, share);
    }
    let standing = spread.standing();
    assert_eq!((standing.happiness, standing.older_left), (3, 0));
    assert!(standing.is_good(Encoding::THREE_OF_TEN));
}

#[test]
fn an_overdue_write_is_waited_for_as_long_as_it_is_needed() {
    let mut spread = Spread::new(1, Encoding::new(1, 1).unwrap(), 1);
    let pairs = spread.to_write();
    assert_eq!(pairs, [(0, ShareNum(0))]);
    spread.on_overdue(0, ShareNum(0));
    assert!(spread.to_write().is_empty());
    assert!(!spread.is_done());
    spread.on_written(0, ShareNum(0));
    assert!(spread.is_done());
}

#[test]
fn without_servers_nothing_is_written() {
    let mut spread = spread(0);
    assert!(spread.to_write().is_empty());
    assert!(spread.is_done());
    assert_eq!(spread.standing().shares, 0);
}

#[test]
fn a_share_of_which_nothing_is_known_stays_and_its_number_goes_elsewhere() {
    let mut spread = over_ten(10);
    spread.on_sealed(4, ShareNum(4));
    let pairs = spread.to_write();
    assert!(!pairs.contains(&(4, ShareNum(4))));
    assert_eq!(pairs.iter().map(|(_, share)| *share).collect::<BTreeSet<_>>().len(), 10);
    let mut alone = Spread::new(1, Encoding::THREE_OF_TEN, 1);
    alone.on_sealed(0, ShareNum(4));
    assert_eq!(alone.to_write().len(), 9);
    (0..10).filter(|share| *share != 4).for_each(|share| alone.on_written(0, ShareNum(share)));
    assert!(alone.to_write().is_empty() && alone.is_done());
}
