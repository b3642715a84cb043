//! Servers that fail while a mutable file is read or written.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[test]
fn seven_of_ten_servers_may_hang_while_a_file_is_read() {
    for size in [100, 20_000] {
        with_file(10, size, async |case| {
            (3..10).for_each(|place| case.node(place).hang());
            let begun = Instant::now();
            let (got, _) = read(&case.stranger(), &case.cap()).await.unwrap();
            assert_eq!(got, content(size, 0));
            assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        });
    }
}

#[test]
fn a_server_that_hangs_between_map_and_block_is_replaced() {
    with_file(10, 20_000, async |case| {
        case.node(0).obey(|kind, count| if kind == Kind::Read && count > 0 { Act::Hang } else { Act::Serve });
        let begun = Instant::now();
        let (got, _) = read(&case.stranger(), &case.cap()).await.unwrap();
        assert_eq!(got, content(20_000, 0));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    });
}

#[test]
fn servers_that_hang_do_not_stop_a_write() {
    with_file(10, 1000, async |case| {
        case.node(2).hang();
        case.node(5).obey(|kind, _| if kind == Kind::TestAndWrite { Act::Hang } else { Act::Serve });
        let begun = Instant::now();
        let published = case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!((published.happiness, published.placed.len(), published.degraded), (8, 10, None));
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(7, 1));
    });
}

#[test]
fn an_answer_that_was_lost_is_no_collision() {
    with_file(10, 1000, async |case| {
        for place in 0..10 {
            case.node(place).obey(|kind, count| match kind {
                Kind::TestAndWrite if count == 0 => Act::LoseAnswer,
                _ => Act::Serve,
            });
        }
        let published = case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        assert_eq!((published.happiness, published.collisions, published.degraded), (10, 0, None));
        assert_eq!(published.version.seqnum, 2);
    });
}

#[test]
fn a_write_that_most_servers_refuse_says_so_and_is_read_nevertheless() {
    for failing in [4, 7, 8] {
        with_file(10, 1000, async |case| {
            for place in 0..failing {
                case.node(place).obey(|kind, _| match kind {
                    Kind::TestAndWrite => Act::Fail(500),
                    _ => Act::Serve,
                });
            }
            let published =
                case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
            let degraded = published.degraded.unwrap();
            assert_eq!((degraded.happiness, degraded.older_left), (10 - failing, failing));
            assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(7, 1));
        });
    }
}

#[test]
fn nothing_is_written_and_nothing_lost_when_all_servers_refuse() {
    with_file(10, 1000, async |case| {
        for place in 0..10 {
            case.node(place).obey(|kind, _| match kind {
                Kind::TestAndWrite => Act::Fail(503),
                _ => Act::Serve,
            });
        }
        let error = case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap_err();
        assert!(matches!(error, PublishError::NotEnoughServers { placed: 0, needed: 3, .. }), "{error}");
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(1000, 0));
    });
}

#[test]
fn what_is_older_than_what_the_client_knows_is_not_built_upon_while_the_newer_may_be_somewhere() {
    with_file(10, 100, async |case| {
        let old: Vec<_> = (0..3).map(|place| case.node(place).backend.list_mutable()[0]).collect();
        let keep: Vec<_> = (0..3)
            .map(|place| case.node(place).backend.get_mutable(old[place].0, old[place].1).unwrap())
            .collect();
        case.client.overwrite(&case.cap(), &content(50, 1), &options(7)).await.unwrap();
        for (place, share) in keep.into_iter().enumerate() {
            case.node(place).backend.put_mutable(old[place].0, old[place].1, share);
        }
        (3..10).for_each(|place| case.node(place).hang());
        let append = |old: &Bytes| Ok::<_, ()>(Some([old, &b"more"[..]].concat().into()));
        let error = case.client.modify(&case.cap(), append, &options(1)).await.unwrap_err();
        assert!(matches!(error, ModifyError::Retrieve(RetrieveError::Unreachable(_))), "{error:?}");
        (3..10).for_each(|place| case.node(place).obey(|_, _| Act::Serve));
        case.client.modify(&case.cap(), append, &options(7)).await.unwrap().unwrap();
        assert_eq!(
            read(&case.stranger(), &case.cap()).await.unwrap().0,
            [&content(50, 1), &b"more"[..]].concat()
        );
    });
}
