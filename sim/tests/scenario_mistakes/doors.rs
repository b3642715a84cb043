//! What a person is told whose fault at a door makes no sense: of the bucket, or of a server that is no bucket.

use insta::assert_snapshot;

use super::errors_of;

/// The errors of a fault with these lines, in a grid that keeps its shares in S3.
fn fault(lines: &str) -> String {
    errors_of(&format!(
        "about = \"a test\"\ngrid.storage = \"s3\"\nfiles.movie.size = \"1 MiB\"\n[[steps]]\nupload = \"movie\"\n\
         [[faults]]\n{lines}\n"
    ))
}

fn all(faults: &[&str]) -> String {
    faults.iter().map(|lines| fault(lines)).collect::<Vec<_>>().join("\n")
}

#[test]
fn errors_that_are_none_of_s3() {
    assert_snapshot!(all(&[
        "answer = \"bucket\"\nwith = \"503 SlowDwon\"",
        "answer = \"bucket\"\nwith = \"InternalError\"",
        "answer = \"bucket\"\nwith = \"301 Moved\"",
        "answer = \"bucket\"\nwith = \"200\"",
        "answer = \"bucket\"\nwith = \"stael\"",
    ]));
}

#[test]
fn words_of_the_bucket_at_a_storage_server() {
    assert_snapshot!(all(&[
        "answer = \"s1\"\nwith = \"503 SlowDown\"",
        "answer = \"s1\"\nwith = \"stale\"",
        "answer = \"s1\"\nwith = \"500\"\nonly = \"gets\"",
        "answer = \"s1\"\nwith = \"500\"\nretry_after = \"2s\"",
        "answer = \"s1\"\nwith = \"500\"\nkeys = \"s1/\"",
        "throttle = \"s1\"",
    ]));
}

#[test]
fn words_of_storage_servers_at_the_bucket() {
    assert_snapshot!(all(&[
        "answer = \"bucket\"\nwith = \"500\"\nonly = \"reads\"",
        "hang = \"bucket\"\nonly = \"allocations\"",
        "answer = \"bucket, s1\"\nwith = \"500\"",
        "hang = [\"s1\", \"bucket\"]\nonly = \"gets\"",
    ]));
}

#[test]
fn what_no_request_of_that_kind_can_suffer() {
    assert_snapshot!(all(&[
        "answer = \"bucket\"\nwith = \"stale\"\nonly = \"puts\"",
        "answer = \"bucket\"\nwith = \"lost\"\nonly = \"gets\"",
        "answer = \"bucket\"\nwith = \"wrong etag\"\nonly = \"lists\"",
        "answer = \"bucket\"\nwith = \"truncated\"\nonly = \"puts\"",
        "answer = \"bucket\"\nwith = \"drips\"\nrate = \"1 B/s\"\nonly = \"heads\"",
        "answer = \"bucket\"\nwith = \"200 InternalError\"\nonly = \"heads\"",
        "answer = \"bucket\"\nwith = \"500\"\nonly = \"gets\"\napplied = true",
        "answer = \"bucket\"\nwith = \"lost\"\napplied = true",
    ]));
}

#[test]
fn bursts_and_prefixes_that_are_none() {
    assert_snapshot!(all(&[
        "answer = \"bucket\"\nwith = \"500\"\nagain = 25",
        "answer = \"bucket\"\nwith = \"500\"\nagain = \"25%\"",
        "answer = \"bucket\"\nwith = \"500\"\nagain_within = \"1s\"",
        "hang = \"bucket\"\nagain = 0.5",
        "answer = \"bucket\"\nwith = \"500\"\nkeys = \"/s0/\"",
        "answer = \"bucket\"\nwith = \"500\"\nkeys = \"\"",
    ]));
}

#[test]
fn rates_and_times_that_cannot_be_said() {
    assert_snapshot!(all(&[
        "throttle = \"bucket\"\nputs_per_second = 0",
        "throttle = \"bucket\"\nonly = \"puts\"",
        "answer = \"bucket\"\nwith = \"500\"\nputs_per_second = 1",
        "answer = \"bucket\"\nwith = \"503\"\nretry_after = \"1500ms\"",
        "answer = \"bucket\"\nwith = \"reset\"\nretry_after = \"1s\"",
        "answer = \"bucket\"\nwith = \"500\"\nwhen = \"bucket has served 2 blocks\"",
    ]));
}
