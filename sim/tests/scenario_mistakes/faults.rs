//! Mistakes in `[[faults]]` beyond single words: kinds, times and what belongs to one kind only.

use super::*;

#[test]
fn two_kinds_in_one_fault() {
    assert_snapshot!(errors_at_end("crash = \"s4\"\n"));
}

#[test]
fn a_fault_of_no_kind() {
    assert_snapshot!(errors("hang = \"s3\"\n", ""));
}

#[test]
fn two_faults_with_one_name() {
    assert_snapshot!(errors_at_end("[[faults]]\nname = \"mute\"\ncrash = \"s4\"\n"));
}

#[test]
fn a_corruption_without_a_field() {
    assert_snapshot!(errors("hang = \"s3\"", "corrupt = \"share 2 of movie\""));
}

#[test]
fn a_block_that_the_file_does_not_have() {
    assert_snapshot!(errors("hang = \"s3\"", "corrupt = \"shares of movie\"\nfield = \"block 8\""));
}

#[test]
fn a_fault_that_ends_before_it_begins() {
    assert_snapshot!(errors("\"it has served 2 blocks\"", "\"5s\"\nuntil = \"2s\""));
}

#[test]
fn a_fault_that_ends_before_it_begins_for_some_seeds() {
    assert_snapshot!(errors("\"it has served 2 blocks\"", "\"1s..5s\"\nuntil = \"4s..9s\""));
}

#[test]
fn a_fault_that_ends_with_an_earlier_step() {
    assert_snapshot!(errors("it has served 2 blocks\"", "step 2 starts\"\nuntil = \"step 1 ends\""));
}

#[test]
fn until_and_for() {
    assert_snapshot!(errors_at_end("until = \"8s\"\nfor = \"2s\"\n"));
}

#[test]
fn a_key_of_another_kind() {
    assert_snapshot!(errors_at_end("direction = \"to\"\n"));
}

/// The errors of the good file whose fault is this one.
fn errors_of_fault(fault: &str) -> String {
    errors("hang = \"s3\"\nwhen = \"it has served 2 blocks\"\n", fault)
}

#[test]
fn an_answer_that_is_not_understood() {
    assert_snapshot!(errors_of_fault("answer = \"s3\"\nwith = \"stops in the middle\"\n"));
}

#[test]
fn an_answer_with_a_status_of_success() {
    assert_snapshot!(errors_of_fault("answer = \"s3\"\nwith = \"200\"\n"));
}

#[test]
fn an_answer_without_with() {
    assert_snapshot!(errors_of_fault("answer = \"s3\"\n"));
}

#[test]
fn drips_without_a_rate_and_a_rate_without_drips() {
    assert_snapshot!(errors_of_fault("answer = \"s3\"\nwith = \"drips\"\n"));
    assert_snapshot!(errors_of_fault(
        "answer = \"s3\"\nwith = \"truncated\"\nrate = \"1 B/s\"\napplied = true\n"
    ));
}

#[test]
fn a_choice_that_is_not_understood() {
    assert_snapshot!(errors_of_fault("lose = \"s3\"\nwhich = \"every third\"\n"));
}

#[test]
fn a_choice_among_requests_of_a_program_that_hangs_as_a_whole() {
    assert_snapshot!(errors_of_fault("hang = \"s3\"\nwhich = \"the first 2\"\n"));
}

#[test]
fn a_jump_without_a_sign() {
    assert_snapshot!(errors_of_fault("clock = \"s3\"\nby = \"3d\"\n"));
}

#[test]
fn a_fault_at_the_door_of_a_client() {
    assert_snapshot!(errors_of_fault("queue_full = \"alice\"\n"));
}

#[test]
fn a_fault_that_recurs_too_soon_or_without_an_end() {
    assert_snapshot!(errors_of_fault("full = \"s3\"\nfor = \"2s\"\nevery = \"1s..2s\"\n"));
    assert_snapshot!(errors_of_fault("full = \"s3\"\nevery = \"2s\"\n"));
    assert_snapshot!(errors_of_fault("disconnect = \"s3\"\nevery = \"2s\"\n"));
    assert_snapshot!(errors_of_fault("full = \"s3\"\nfor = \"1us\"\nevery = \"2us\"\n"));
}

#[test]
fn a_fault_on_holders_before_the_upload() {
    let from = "hang = \"s3\"\nwhen = \"it has served 2 blocks\"";
    assert_snapshot!(errors(from, "hang = \"any 1 holder of movie\""));
}

#[test]
fn a_replacement_without_a_substitute_or_by_one_that_is_none() {
    let replace = |by: &str| {
        let when = "when = \"step 2 starts\"";
        errors(
            "hang = \"s3\"\nwhen = \"it has served 2 blocks\"",
            &format!("replace = \"shares of movie\"\n{by}\n{when}"),
        )
    };
    let all = [
        replace(""),
        replace("by = \"half of it\""),
        replace("by = \"truncated to 100%\""),
        replace("by = \"truncated to 10\""),
        replace("by = \"share 2 of film\""),
        replace("by = \"share 10 of movie\"\nuntil = \"9s\""),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn a_backup_that_does_not_exist() {
    let restore = |keys: &str| errors("hang = \"s3\"\nwhen = \"it has served 2 blocks\"", keys);
    let all = [
        restore("restore = \"s3\"\nwhen = \"step 2 starts\""),
        restore("restore = \"s3\"\nto = \"yesterday\"\nwhen = \"step 2 starts\""),
        restore("restore = \"s3\"\nto = \"step 3\"\nwhen = \"step 2 starts\""),
        restore("restore = \"s3\"\nto = \"step 2\"\nwhen = \"step 2 starts\""),
        restore("restore = \"alice\"\nto = \"step 1\"\nwhen = \"step 2 starts\""),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn groups_that_are_none() {
    let groups = |groups: &str| errors("hang = \"s3\"", &format!("partition = {groups}"));
    let all = [
        groups("[[\"alice\", \"s0..s4\"], [\"bob\", \"s4..s9\"]]"),
        groups("[[\"alice\"]]"),
        groups("[[\"alice\"], []]"),
        groups("[[\"alice\"], \"s3\"]"),
        groups("[[\"alice\"], [\"carol\", 3]]\ndirection = \"to\""),
    ];
    assert_snapshot!(all.join("\n"));
}
