//! Servers that hold and show what nobody gave them.

use std::time::Duration;

use lafs::format::mutable::Layout;
use lafs::server::backend::MutableShare;
use lafs::version::{NewVersion, encode_sdmf};
use tokio::time::Instant;

use super::check::{check, forget};
use super::*;

/// The only share of a server.
fn share(case: &Case, place: usize) -> (ShareNum, MutableShare) {
    let share = *case.layout()[place].first().unwrap();
    (share, case.node(place).backend.get_mutable(case.index(), share).unwrap())
}

/// Puts a share where it was never sent to.
fn put(case: &Case, place: usize, share: u8, enabler: &Bytes, content: Bytes) {
    let new = MutableShare { enabler: enabler.clone(), content };
    case.node(place).backend.put_mutable(case.index(), ShareNum(share), new);
}

/// All shares of a version that its owner signed.
fn version(seqnum: u64, plain: &Bytes, encoding: Encoding) -> Vec<Bytes> {
    let new = NewVersion { key: &key(), seqnum, salt: [1; 16], encoding, entropy: [1; 32] };
    encode_sdmf(&new, plain).unwrap().shares
}

#[test]
fn shares_with_numbers_that_the_file_does_not_have_count_for_nothing() {
    for size in [0, 1000, 20_000] {
        with_file(10, size, async |case| {
            let (_, old) = share(case, 9);
            (200..=255).for_each(|number| put(case, 9, number, &old.enabler, old.content.clone()));
            assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(size, 0));
            let published =
                case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
            assert_eq!((published.happiness, published.collisions, published.degraded), (10, 0, None));
            let append = |old: &Bytes| Ok::<_, ()>(Some([old, &b"more"[..]].concat().into()));
            let published = case.stranger().modify(&case.cap(), append, &options(7)).await.unwrap().unwrap();
            assert_eq!((published.happiness, published.collisions, published.degraded), (10, 0, None));
            assert_eq!(check(case, true).await.versions.len(), 1);
        });
    }
}

#[test]
fn a_version_is_not_readable_by_numbers_it_does_not_have() {
    with_file(10, 1000, async |case| {
        let (_, old) = share(case, 9);
        (200..=255).for_each(|number| put(case, 9, number, &old.enabler, old.content.clone()));
        (1..9).for_each(|place| forget(case, place));
        let error = read(&case.stranger(), &case.cap()).await.unwrap_err();
        assert!(matches!(error, RetrieveError::NotEnoughShares(_)), "{error}");
        let check = check(case, false).await;
        assert_eq!(check.best(), None);
    });
}

#[test]
fn a_share_whose_block_lies_far_away_is_not_read_that_far() {
    with_file(10, 20_000, async |case| {
        let (number, old) = share(case, 0);
        let layout = Layout::parse(&old.content).unwrap();
        let block = layout.block(0).unwrap();
        let block = usize::try_from(block.start).unwrap()..usize::try_from(block.end).unwrap();
        let far = 32 << 20;
        let mut bytes = old.content.to_vec();
        // The offset of the data is the fourth of four bytes each, behind the signed part.
        bytes[87..91].copy_from_slice(&u32::try_from(far).unwrap().to_be_bytes());
        bytes.resize(far, 0);
        bytes.extend_from_slice(&old.content[block]);
        put(case, 0, number.0, &old.enabler, bytes.into());
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(20_000, 0));
        assert_eq!(case.node(0).backend.corruption_reports().len(), 1);
        assert_eq!(case.node(0).count(Kind::Read), 1);
    });
}

#[test]
fn a_version_that_only_looks_readable_does_not_keep_the_last_one_from_being_changed() {
    with_file(10, 1000, async |case| {
        let new = version(2, &content(1000, 1), Encoding::THREE_OF_TEN);
        let (number, old) = share(case, 9);
        for fake in (0..10).filter(|fake| *fake != number.0) {
            put(case, 9, fake, &old.enabler, new[usize::from(number.0)].clone());
        }
        put(case, 9, number.0, &old.enabler, new[usize::from(number.0)].clone());
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(1000, 0));
        let append = |old: &Bytes| Ok::<_, ()>(Some([old, &b"more"[..]].concat().into()));
        let published = case.stranger().modify(&case.cap(), append, &options(7)).await.unwrap().unwrap();
        assert_eq!((published.version.seqnum, published.degraded), (3, None));
        let (got, _) = read(&case.client, &case.cap()).await.unwrap();
        assert_eq!(got, [&content(1000, 0), &b"more"[..]].concat());
    });
}

#[test]
fn a_server_that_shows_ever_more_shares_is_not_waited_for() {
    with_file(10, 1000, async |case| {
        let (_, old) = share(case, 0);
        (10..=255).for_each(|number| put(case, 0, number, &old.enabler, old.content.clone()));
        case.node(0).obey(|kind, _| match kind {
            Kind::Read => Act::Delay(Duration::from_millis(400)),
            _ => Act::Serve,
        });
        let begun = Instant::now();
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(1000, 0));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_server_with_many_shares_does_not_keep_the_private_key_from_a_writer() {
    with_file(10, 20_000, async |case| {
        for place in 0..3 {
            let (_, old) = share(case, place);
            (0..10).for_each(|number| put(case, place, number, &old.enabler, old.content.clone()));
            case.node(place).obey(|kind, count| match kind {
                Kind::Read if count >= 10 => Act::Hang,
                _ => Act::Serve,
            });
        }
        let begun = Instant::now();
        let published = case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        assert_eq!(published.version.seqnum, 2);
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    });
}

#[test]
fn the_last_sequence_number_there_is_can_be_read_and_not_followed() {
    with_file(10, 1000, async |case| {
        let last = version(u64::MAX, &content(1000, 1), Encoding::THREE_OF_TEN);
        for place in 0..10 {
            let (number, old) = share(case, place);
            put(case, place, number.0, &old.enabler, last[usize::from(number.0)].clone());
        }
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(1000, 1));
        let error = case.stranger().overwrite(&case.cap(), &content(7, 2), &options(7)).await.unwrap_err();
        assert!(matches!(error, PublishError::Uncoordinated { .. }), "{error}");
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(1000, 1));
    });
}

#[test]
fn two_versions_with_one_number_on_one_server_each_are_read_and_written_over() {
    with_file(10, 1000, async |case| {
        let one = version(2, &content(1000, 1), Encoding::THREE_OF_TEN);
        let other = version(2, &content(1000, 2), Encoding::THREE_OF_TEN);
        for place in 0..10 {
            let (number, old) = share(case, place);
            let new = if place % 2 == 0 { &one } else { &other };
            put(case, place, number.0, &old.enabler, new[usize::from(number.0)].clone());
            let next = (number.0 + 1) % 10;
            put(case, place, next, &old.enabler, one[usize::from(next)].clone());
        }
        let (got, _) = read(&case.stranger(), &case.cap()).await.unwrap();
        assert!(got == content(1000, 1) || got == content(1000, 2));
        let published = case.stranger().overwrite(&case.cap(), &content(7, 3), &options(7)).await.unwrap();
        assert_eq!((published.version.seqnum, published.degraded), (3, None));
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(7, 3));
        assert!(check(case, true).await.is_healthy());
    });
}

#[test]
fn every_extreme_encoding_is_written_read_and_changed_or_refused() {
    for (needed, total) in [(1, 1), (1, 10), (1, 255), (255, 255), (1, 256), (256, 256)] {
        for size in [0, 1, 300] {
            paused().block_on(async {
                let grid = Grid::new(10);
                let client = grid.client(Policy::default(), b"");
                let encoding = Encoding::new(needed, total).unwrap();
                let options = PublishOptions { encoding, happy: 1, based_on: None };
                grid.run(async {
                    let made = client.create_mutable(&key(), &content(size, 0), &options).await;
                    if total == 256 {
                        assert!(matches!(made, Err(PublishError::Encode(_))));
                        return;
                    }
                    let cap = made.unwrap().cap;
                    assert_eq!(read(&client, &cap).await.unwrap().0, content(size, 0));
                    let append = |old: &Bytes| Ok::<_, ()>(Some([old, &b"more"[..]].concat().into()));
                    let stranger = grid.client_with(2, Policy::default(), b"");
                    let published = stranger.modify(&cap, append, &options).await.unwrap().unwrap();
                    assert_eq!(published.degraded, None);
                    assert_eq!(read(&client, &cap).await.unwrap().0.len(), size + 4);
                })
                .await;
            });
        }
    }
}

#[test]
fn a_server_that_lists_a_share_and_says_it_has_none_does_not_keep_others_from_being_written() {
    with_file(10, 1000, async |case| {
        case.node(0).obey(|kind, _| if kind == Kind::Read { Act::Fail(404) } else { Act::Serve });
        let published = case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        assert_eq!((published.happiness, published.collisions, published.degraded), (9, 0, None));
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(7, 1));
    });
}

#[test]
fn a_share_that_cannot_be_read_and_is_older_than_all_others_does_not_keep_them_from_being_written() {
    with_file(10, 1000, async |case| {
        case.node(0).obey(|kind, _| if kind == Kind::Read { Act::Fail(500) } else { Act::Serve });
        for round in 1..4 {
            let new = content(7, round);
            let published = case.stranger().overwrite(&case.cap(), &new, &options(7)).await.unwrap();
            assert_eq!((published.happiness, published.collisions, published.degraded), (9, 0, None));
            assert_eq!(published.version.seqnum, u64::from(round) + 1);
            assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, new);
        }
    });
}
