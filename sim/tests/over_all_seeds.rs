//! Promises about all seeds together: kept, broken, the same on any number of threads, and mistakes in them.

use std::ops::ControlFlow;

use insta::assert_snapshot;
use squall::batch::{Batch, News, run_all};
use squall::report;
use squall::scenario::{self, Scenario};
use squall::verdict::ExitCode;

/// Nine of ten servers are needed, and two lose power at a time that some downloads come after.
fn scenario(promises: &str) -> Scenario {
    let text = format!(
        "about = \"Some downloads fail.\"\nseeds.count = 40\ngrid.encoding = \"9-of-10\"\nfiles.movie.size = \"1000 B\"\n\
         steps = [{{ upload = \"movie\" }}, {{ wait = \"1s..30s\" }}, {{ download = \"movie\", expect = \"either\" }}]\n\
         [[faults]]\npower_loss = [\"s0\", \"s1\"]\nwhen = \"20s\"\nmay_stay_inert = true\n[over_all_seeds]\n{promises}\n"
    );
    scenario::parse("some.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn told(promises: &str) -> (ExitCode, String) {
    let scenario = scenario(promises);
    let tally = run_all(&scenario);
    (tally.code(), report::tally(scenario.path(), &tally))
}

#[test]
fn a_promise_is_kept_or_broken_with_its_numbers() {
    let texts = [
        told("downloads_failed = \"<= 1 of 2\"\nuploads_failed = \"<= 0 of 1\""),
        told("downloads_failed = \"<= 1 of 1000\""),
        told("downloads_failed = \">= 1 of 1000\""),
        told("downloads_took = [\"p50 <= 1s\", \"max <= 1s\"]"),
    ];
    let codes = texts.each_ref().map(|(code, _)| *code);
    assert_eq!(codes, [ExitCode::Passed, ExitCode::Failed, ExitCode::Passed, ExitCode::Failed]);
    assert_snapshot!(texts.map(|(_, text)| text + "\n").concat());
}

#[test]
fn it_does_not_matter_how_many_threads_count() {
    let scenario = scenario("downloads_failed = \"<= 1 of 1000\"\ndownloads_took = \"p90 <= 1s\"");
    let told = |jobs| {
        let mut lines = String::new();
        Batch { seeds: Some(0..30), jobs: Some(jobs), ..Batch::default() }.run(
            std::slice::from_ref(&scenario),
            |news| {
                if let News::Scenario(scenario, tally) = news {
                    lines = report::tally(scenario.path(), &tally);
                    assert_eq!(tally.code(), ExitCode::Failed);
                }
                ControlFlow::Continue(())
            },
        );
        lines
    };
    assert!(told(1).contains("of 30 downloads failed"), "{}", told(1));
    assert_eq!(told(1), told(4));
}

#[test]
fn mistakes_are_underlined() {
    let text = "about = \"x\"\n[files.f]\n[[steps]]\nupload = \"f\"\n[over_all_seeds]\nuploads_failed = \"2 of 1000\"\n\
                downloads_failed = \"<= 1 of 2\"\nuploads_took = [\"p99 <= 2 sec\", \"p101 <= 2s\", 5]\nupload_took = \"max <= 1s\"\n";
    assert_snapshot!(scenario::parse("test.toml", text.as_bytes()).unwrap_err().render(false));
}
