//! Which operations had to succeed, and which faults excuse them.

use super::*;

/// What availability says if the last step of this scenario had failed.
fn if_it_had_failed(text: &str) -> Option<String> {
    after(text, |world, reports| {
        let mut report = reports.last().unwrap().clone();
        report.ending = failed();
        let step = world.schedule().steps.last().unwrap();
        availability::judge(world, step, &report).map(|finding| finding.text)
    })
}

#[test]
fn a_download_had_to_succeed_while_k_good_shares_are_in_reach() {
    let text = if_it_had_failed(PLAIN).unwrap();
    let start = "client downloads movie had to succeed: 2 shares are needed and 4 good ones were in reach (";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with("it ended with: it gave up"), "{text}");
}

#[test]
fn an_upload_had_to_succeed_while_enough_servers_are_well() {
    let upload = PLAIN.split("[[steps]]\ndownload").next().unwrap();
    let text = if_it_had_failed(upload).unwrap();
    assert!(
        text.contains("happiness 3 was asked for, 5 servers with room were well, and 0 more at first"),
        "{text}"
    );
    let hung =
        |who: &str| format!("{upload}[[faults]]\nname = \"f\"\nhang = \"{who}\"\nwhen = \"at the start\"\n");
    assert!(if_it_had_failed(&hung("s0, s1")).is_some());
    assert_eq!(if_it_had_failed(&hung("s0..s2")), None);
}

#[test]
fn what_faults_keep_from_a_download_it_may_fail_without() {
    let fault = |fault: &str| format!("{PLAIN}[[faults]]\nname = \"f\"\nwhen = \"step 2 starts\"\n{fault}\n");
    assert_eq!(if_it_had_failed(&fault("crash = \"s0..s4\"")), None, "nobody is left");
    assert_eq!(if_it_had_failed(&fault("partition = \"client\"")), None, "the client itself is cut off");
    assert_eq!(if_it_had_failed(&fault("corrupt = \"shares of movie\"\nfield = \"data\"")), None);
    assert!(if_it_had_failed(&fault("slow = \"s0..s4\"\nlatency = \"1s\"")).is_some(), "slow is no excuse");
    assert!(if_it_had_failed(&fault("hang = \"s0\"")).is_some(), "three shares are left");
    assert!(if_it_had_failed(&fault("full = \"s0..s4\"")).is_some(), "reading takes no room");
    let gone = "corrupt = \"shares of movie\"\nfield = \"container version\"";
    assert_eq!(if_it_had_failed(&fault(gone)), None, "listed, but not readable");
    assert_eq!(if_it_had_failed(&fault("replace = \"shares of movie\"\nby = \"truncated to 50%\"")), None);
    assert_eq!(if_it_had_failed(&fault("restore = \"all\"\nto = \"step 1\"")), None);
    assert!(if_it_had_failed(&fault("restore = \"s0\"\nto = \"step 1\"")).is_some());
    let groups = |own: &str, other: &str| format!("partition = [[\"client\", \"{own}\"], [\"{other}\"]]");
    assert!(if_it_had_failed(&fault(&groups("s0..s2", "s3..s4"))).is_some(), "enough on its side");
    assert_eq!(if_it_had_failed(&fault(&groups("s0", "s1..s4"))), None, "too few on its side");
}

#[test]
fn an_operation_that_had_to_succeed_must_not_take_longer_than_its_links_excuse() {
    let if_it_had_taken = |text: &str, took: Duration| {
        after(text, |world, reports| {
            let report = StepReport { took, ..reports.last().unwrap().clone() };
            let step = world.schedule().steps.last().unwrap();
            availability::judge(world, step, &report).map(|finding| finding.text)
        })
    };
    assert_eq!(if_it_had_taken(PLAIN, Duration::from_secs(60)), None);
    let text = if_it_had_taken(PLAIN, Duration::from_secs(70)).unwrap();
    assert!(text.contains("it took 70.000 s, more than the 61."), "{text}");
    let narrow = PLAIN.replace("servers = 5", "servers = 5\nbandwidth = \"10 KiB/s\"");
    assert_eq!(if_it_had_taken(&narrow, Duration::from_secs(70)), None, "a narrow link takes its time");
    let hung = format!(
        "{PLAIN}[[faults]]\nname = \"f\"\nhang = \"s0..s4\"\nwhen = \"step 2 starts\"\nfor = \"5s\"\n"
    );
    assert_eq!(if_it_had_taken(&hung, Duration::from_secs(70)), None, "nobody answered for a while");
}

#[test]
fn a_fault_that_was_over_before_is_no_excuse() {
    let text = PLAIN.replace("[[steps]]\ndownload", "[[steps]]\nwait = \"10s\"\n[[steps]]\ndownload");
    let fault = "[[faults]]\nname = \"f\"\nhang = \"s0..s4\"\nwhen = \"step 2 starts\"\nfor = \"1s\"\n";
    assert!(if_it_had_failed(&format!("{text}{fault}")).is_some());
}

#[test]
fn fewer_than_k_shares_oblige_to_nothing() {
    let text = PLAIN.replace(
        "[[steps]]\ndownload",
        "[[steps]]\ndelete = \"movie\"\non = \"s0..s3\"\n[[steps]]\ndownload",
    );
    assert_eq!(if_it_had_failed(&text), None);
}

#[test]
fn a_disconnect_excuses_the_step_it_strikes_and_no_later_one() {
    let struck =
        |when: &str| format!("{PLAIN}[[faults]]\nname = \"f\"\ndisconnect = \"all\"\nwhen = \"{when}\"\n");
    assert!(if_it_had_failed(&struck("step 1 starts")).is_some());
    assert!(if_it_had_failed(&struck("step 2 starts")).is_none());
}
