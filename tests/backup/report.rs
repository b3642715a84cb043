//! What a backup says at its end.

use lafs::client::backup::Kind as Thing;

use super::*;

#[test]
fn a_report_says_what_was_done_and_what_was_not() {
    let tree = FakeTree::small()
        .file("copy", &[1; 1000])
        .file("cafe\u{301}", &[4; 100])
        .file("caf\u{e9}", &[5; 100])
        .other("link", Thing::Symlink)
        .other("sub/pipe", Thing::Special)
        .other("sub/\u{fffd}", Thing::Undecodable)
        .other("secret", Thing::Unreadable);
    let text = with_target(tree, async |case| {
        let first = case.back_up().await.unwrap().to_string();
        case.tree.broken.insert("sub/b".to_owned(), std::io::ErrorKind::UnexpectedEof);
        case.tree.write("sub/b", &[2; 2001], 9.0);
        case.options.now.0 += 100.0 * DAY_S;
        let second = case.back_up_checked(async |_: &AnyCap| true).await.unwrap().to_string();
        format!("{first}\n\n{second}\n")
    });
    insta::assert_snapshot!(text);
}
