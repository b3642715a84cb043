//! When faults are in force, what is held, what comes too fast, and what cannot be served at all.

use super::*;

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[test]
fn a_fault_begins_and_ends_by_the_clock() {
    let fault = "answer = \"bucket\"\nwith = \"500\"\nwhen = \"100s\"\nfor = \"200s\"";
    play(fault, async |s3| {
        // Each of these waits a minute for more.
        assert_eq!(s3.put("a", "one").await, 200);
        wait(50).await;
        assert_eq!(s3.put("a", "one").await, 500);
        wait(200).await;
        assert_eq!(s3.put("a", "one").await, 200);
    });
}

#[test]
fn a_fault_begins_after_so_many_requests() {
    play("answer = \"bucket\"\nwith = \"500\"\nwhen = \"bucket has answered 2 requests\"", async |s3| {
        assert_eq!(s3.put("a", "one").await, 200);
        assert_eq!(s3.put("a", "one").await, 200);
        wait(1).await;
        assert_eq!(s3.put("a", "one").await, 500);
    });
}

#[test]
fn what_is_held_goes_on_at_the_end() {
    let fault = "hang = \"bucket\"\nonly = \"gets\"\nkeys = \"k/\"\nfor = \"200s\"";
    let bitten = play(fault, async |s3| {
        assert_eq!(s3.put("k/a", "one").await, 200);
        // Nobody waits longer than a minute.
        assert_eq!(s3.ask("GET /bkt/k/a", "").await.text(), "");
        assert_eq!(s3.get("l").await, Err(404));
        assert_eq!(s3.get("k/a").await.as_deref(), Ok("one"));
    });
    assert_eq!(bitten, 2);
}

#[test]
fn what_comes_too_fast_is_turned_away() {
    let fault = "throttle = \"bucket\"\nputs_per_second = 1\nretry_after = \"1s\"";
    let bitten = play(fault, async |s3| {
        let mut wires: Vec<DuplexStream> = (0..3).map(|_| s3.connect()).collect();
        for (wire, key) in wires.iter_mut().zip(["s0/a/1", "s0/a/2", "s0/bkt/1"]) {
            wire.write_all(message(&format!("PUT /bkt/{key}"), "one").as_bytes()).await.unwrap();
        }
        let mut statuses = Vec::new();
        for wire in &mut wires {
            statuses.push(heard(wire).await.status());
        }
        assert_eq!(statuses, [200, 503, 200]);
    });
    assert_eq!(bitten, 1);
}

#[test]
fn what_needs_a_run_is_refused_by_name() {
    let refused = |faults: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { served(faults).err().map_or(String::new(), |error| error.to_string()) })
    };
    assert_eq!(
        refused("hang = \"bucket\"\n[[faults]]\nname = \"g\"\npartition = \"bucket\""),
        "fault \"f\" cannot be served: nothing can hang as a whole here; name requests with `only` or `keys`\n\
         fault \"g\" cannot be served: there is no network of ours here"
    );
    assert_eq!(
        refused("answer = \"bucket\"\nwith = \"500\"\nwhen = \"step 1 starts\""),
        "fault \"f\" cannot be served: it waits for what only happens in a run; give it a time, or count requests of \
         the bucket"
    );
    assert_eq!(
        refused("answer = \"s0\"\nwith = \"500\""),
        "fault \"f\" cannot be served: it is not at the door of the bucket"
    );
}
