//! Shares in S3: what operations cost there, and whom the bucket holds up.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use squall::run::{RunReport, run};
use squall::scenario;
use squall::trace::Keep;
use squall::verdict::Oracle;
use squall::workload::Ending;

const GRID: &str = r#"about = "shares in S3"
[grid]
servers = 1
encoding = "1-of-1"
storage = "s3"
[files.notes]
kind = "mutable"
size = "1 KiB"
[files.first]
size = "1 KiB"
[files.second]
size = "1 KiB"
"#;

fn report(rest: &str) -> RunReport {
    let text = format!("{GRID}{rest}");
    let scenario = scenario::parse("test", text.as_bytes()).unwrap_or_else(|e| panic!("{}", e.render(false)));
    run(&scenario.schedule(0), Keep::All).unwrap()
}

/// What the bucket was asked in each step, in order: LIST, GET, HEAD, PUT, or another word.
fn asked(report: &RunReport) -> Vec<String> {
    let mut steps: Vec<Vec<&str>> = Vec::new();
    for line in &report.events {
        if line.contains(" begins: ") && line.contains("STEP") {
            steps.push(Vec::new());
        }
        let Some((_, what)) = line.split_once("bucket   is asked for ") else { continue };
        let word = match what {
            _ if what.starts_with("a list") => "LIST",
            _ if what.starts_with("the storing") => "PUT",
            _ if what.starts_with("the head") => "HEAD",
            _ if what.starts_with("the object") || what.starts_with("an object") => "GET",
            other => other,
        };
        steps.last_mut().expect("nothing is asked before the first step").push(word);
    }
    steps.into_iter().map(|step| step.join(" ")).collect()
}

#[test]
fn a_put_costs_five_requests_its_read_back_two_and_a_small_upload_four() {
    let steps = "[[steps]]\ncreate = \"notes\"\n[[steps]]\nwrite = \"notes\"\n[[steps]]\nappend = \"notes\"\n\
                 [[steps]]\nread = \"notes\"\n[[steps]]\nupload = \"first\"\n[[steps]]\nupload = \"second\"\n\
                 [[steps]]\ndownload = \"second\"\n";
    let report = report(steps);
    assert_eq!(report.findings, []);
    let asked = asked(&report);
    assert_eq!(asked[1], "LIST GET LIST GET PUT", "writing");
    assert_eq!(asked[2], asked[1], "appending");
    assert_eq!(asked[3], "LIST GET", "reading back");
    assert_eq!(asked[4], "LIST LIST PUT PUT", "uploading");
    assert_eq!(asked[5], asked[4], "uploading another file");
    assert_eq!(asked[6], "LIST GET", "downloading");
    // The start of the server looks for leftovers, and its first write for whether conditions are kept.
    assert_eq!(asked[0], "LIST LIST LIST PUT PUT PUT PUT PUT", "creating");
}

#[test]
fn a_bucket_that_never_answers_excuses_the_servers_and_is_named_by_who_hangs() {
    let steps = "[[steps]]\ncreate = \"notes\"\n[[steps]]\nread = \"notes\"\nexpect = \"either\"\n\
                 [[faults]]\nname = \"stuck\"\nhang = \"bucket\"\nwhen = \"step 2 starts\"\n";
    let with = |deadline: &str| {
        let text =
            format!("{GRID}{steps}").replacen("[grid]", &format!("deadline = \"{deadline}\"\n[grid]"), 1);
        run(&scenario::parse("test", text.as_bytes()).unwrap().schedule(0), Keep::All).unwrap()
    };
    assert_eq!(with("10m").findings, []);
    let hung = with("3s").findings;
    let [hung] = hung.as_slice() else { panic!("{hung:?}") };
    assert_eq!(hung.oracle, Oracle::Hang);
    for words in ["waits for s0, which keeps its shares in the bucket", "faults in the way: \"stuck\""] {
        assert!(hung.text.contains(words), "{}", hung.text);
    }
}

#[test]
fn without_retries_one_failed_request_fails_one_put() {
    let fault = |retries: bool, policy: &str| {
        let text = format!(
            "{GRID}[[steps]]\ncreate = \"notes\"\n[[steps]]\nappend = \"notes\"\nexpect = \"either\"\n\
             [[steps]]\nappend = \"notes\"\n[[faults]]\nanswer = \"bucket\"\nwith = \"500 InternalError\"\n\
             only = \"puts\"\nwhich = \"the first 1\"\nwhen = \"step 2 starts\"\n[s3]\nretry = \"{policy}\"\n"
        );
        let text = text.replacen("storage =", &format!("client_retries = {retries}\nstorage ="), 1);
        let report = run(&scenario::parse("test", text.as_bytes()).unwrap().schedule(0), Keep::All).unwrap();
        assert_eq!(report.findings, []);
        matches!(report.steps[1].ending, Ending::Failed { .. })
    };
    assert!(fault(false, "none"));
    assert!(!fault(true, "none"), "the client asks again");
    assert!(!fault(false, "once"), "the server asks again");
}
