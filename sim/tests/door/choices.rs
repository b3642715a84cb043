//! Which of the requests at a door are struck.

use crate::raw::*;

/// For each of `count` requests to s0 whether it was answered with 500.
fn struck(which: &str, seed: u64, count: usize) -> Vec<bool> {
    let result = std::rc::Rc::default();
    let out: std::rc::Rc<std::cell::RefCell<Vec<bool>>> = std::rc::Rc::clone(&result);
    let fault = format!("answer = \"all\"\nwith = \"500\"\nonly = \"reads\"\nwhich = \"{which}\"");
    play(&fault, seed, move |world| async move {
        let (mut first, mut second) = (world.connect("s0").await, world.connect("s1").await);
        for _ in 0..count {
            // Neither another kind of request nor another server counts.
            first.send("GET", "version", "", b"").await;
            let (status, head) = first.head().await;
            assert_eq!(status, 200);
            let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
            first.bytes(length.unwrap().0.parse().unwrap()).await;
            first.get(Some("200-201")).await;
            let (status, _) = first.head().await;
            if status == 500 {
                first.bytes("Internal Server Error (this is a fault)\n".len()).await;
            }
            out.borrow_mut().push(status == 500);
            second.get(Some("0-0")).await;
            if second.head().await.0 == 500 {
                second.bytes("Internal Server Error (this is a fault)\n".len()).await;
            }
        }
    });
    result.take()
}

fn numbers(which: &str) -> Vec<usize> {
    let struck = struck(which, 0, 10);
    (1..=10).filter(|number| struck[number - 1]).collect()
}

#[test]
fn choices_count_requests_of_their_kind_at_each_server() {
    assert_eq!(numbers("all"), (1..=10).collect::<Vec<_>>());
    assert_eq!(numbers("the first 2"), [1, 2]);
    assert_eq!(numbers("the first"), [1]);
    assert_eq!(numbers("the 4th"), [4]);
    assert_eq!(numbers("every 3rd"), [3, 6, 9]);
}

#[test]
fn a_probability_is_drawn_anew_for_each_request_and_seed() {
    let chance = "with probability 0.25";
    let (one, again, other) = (struck(chance, 1, 200), struck(chance, 1, 200), struck(chance, 2, 200));
    assert_eq!(one, again);
    assert_ne!(one, other);
    let count = one.iter().filter(|struck| **struck).count();
    assert!((30..=70).contains(&count), "{count} of 200");
}

#[test]
fn only_the_chosen_requests_hang_and_only_until_the_end() {
    let fault = "hang = \"s0\"\nonly = \"reads\"\nwhich = \"the 2nd\"\nfor = \"20s\"";
    play(fault, 0, |world| async move {
        let (mut first, mut second, mut third) =
            (world.connect("s0").await, world.connect("s0").await, world.connect("s0").await);
        for (wire, silent) in [(&mut first, false), (&mut second, true), (&mut third, false)] {
            wire.get(None).await;
            assert_eq!(wire.within(secs(1)).await.0.is_empty(), silent);
        }
        assert_eq!(world.receipt().touched, 1);
        tokio::time::sleep(secs(20)).await;
        assert_eq!(second.head().await.0, 200);
    });
}

#[test]
fn a_fault_that_recurs_strikes_and_counts_anew_each_time() {
    let fault = "answer = \"s0\"\nwith = \"500\"\nwhich = \"the first\"\nwhen = \"1s\"\nfor = \"2s\"\nevery = \"10s\"";
    play(fault, 0, |world| async move {
        let mut struck = Vec::new();
        for second in 0..35 {
            let mut wire = world.connect("s0").await;
            wire.get(None).await;
            if wire.head().await.0 == 500 {
                struck.push(second);
            }
            tokio::time::sleep_until(
                tokio::time::Instant::now() + secs(1) - std::time::Duration::from_millis(40),
            )
            .await;
        }
        assert_eq!(struck.len(), 4, "{struck:?}");
        assert!(struck.windows(2).all(|pair| pair[1] - pair[0] == 10), "{struck:?}");
        let receipt = world.receipt();
        assert_eq!((receipt.touched, receipt.began.len(), receipt.again), (4, 1, 3));
        assert!(receipt.to_string().contains("began at 1.000 s on s0 and 3 times more"), "{receipt}");
    });
}
