//! What a person is told who misplaces the bucket.

use insta::assert_snapshot;

use super::errors_of;

fn s3(grid: &str, fault: &str) -> String {
    errors_of(&format!(
        "about = \"a test\"\nfiles.movie.size = \"1 MiB\"\n[[steps]]\nupload = \"movie\"\n{fault}\n{grid}"
    ))
}

#[test]
fn a_bucket_where_there_is_none() {
    let fault = "[[faults]]\nhang = \"bucket\"\nwhen = \"1s\"";
    let all = [s3("[grid]", fault), s3("[s3]\nretry = \"once\"", "")];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn hosts_called_bucket() {
    let all = [
        s3("[grid]\nstorage = \"s3\"\nservers = [\"s0\", \"bucket\"]", ""),
        s3("[grid]\nstorage = \"s3\"\nclients = [\"bucket\"]", ""),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn faults_that_only_servers_have() {
    let fault =
        |keys: &str| s3("[grid]\nstorage = \"s3\"", &format!("[[faults]]\n{keys}\nwhen = \"step 1 starts\""));
    let all = [
        fault("lose = \"bucket\""),
        fault("full = \"s0, bucket\""),
        fault("clock = \"bucket\"\njump = \"+1d\""),
        fault("corrupt = \"any share of movie\"\non = \"bucket\"\nfield = \"data\""),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn a_policy_nobody_knows() {
    let all = [
        s3("[grid]\nstorage = \"s4\"", ""),
        s3("[grid]\nstorage = \"s3\"\n[s3]\nretry = \"twice\"\nregion = \"x\"", ""),
        s3("[grid]\nclient_retries = \"no\"", ""),
    ];
    assert_snapshot!(all.join("\n"));
}
