//! Several clients at once.

use futures_util::future::join_all;

use super::*;

#[test]
fn every_line_that_several_writers_append_is_there_once() {
    with_file(10, 0, async |case| {
        let clients: Vec<Client> =
            (2..6).map(|seed| case.grid.client_with(seed, Policy::default(), b"")).collect();
        let appends = clients.iter().enumerate().map(|(writer, client)| async move {
            for round in 0..4 {
                let line = format!("{writer}.{round}\n");
                let append = |old: &Bytes| {
                    let text = String::from_utf8(old.to_vec()).unwrap();
                    Ok::<_, ()>((!text.contains(&line)).then(|| Bytes::from(text + &line)))
                };
                client.modify(&case.cap(), append, &options(7)).await.unwrap();
            }
        });
        join_all(appends).await;
        let text = String::from_utf8(read(&case.client, &case.cap()).await.unwrap().0).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        let all: Vec<String> = (0..4).flat_map(|w| (0..4).map(move |r| format!("{w}.{r}"))).collect();
        assert_eq!(lines, all);
    });
}

#[test]
fn a_reader_beside_a_writer_never_fails_and_never_goes_back() {
    with_file(10, 20_000, async |case| {
        let writer = case.stranger();
        let write = async {
            for round in 1..20 {
                writer.overwrite(&case.cap(), &content(20_000, round), &options(7)).await.unwrap();
            }
        };
        let reader = case.grid.client_with(3, Policy::default(), b"");
        let reads = async {
            let mut last = 0;
            for _ in 0..40 {
                let (got, retrieved) = read(&reader, &case.cap()).await.unwrap();
                let seqnum = retrieved.version.seqnum;
                assert_eq!(got, content(20_000, u8::try_from(seqnum - 1).unwrap()));
                assert!(seqnum >= last);
                last = seqnum;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        futures_util::future::join(write, reads).await;
        assert!(case.grid.nodes.iter().all(|node| node.backend.corruption_reports().is_empty()));
    });
}
