//! The closed form: how often operations fail whose requests fail independently, or in bursts, and are retried; and what
//! measured counts say about it.
//!
//! Pure numbers. Knows no run and no policy by name.

use statrs::function::beta::beta_reg;

/// What becomes of one request, of which several make an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Chances {
    /// The chance that a request fails when it is made for the first time.
    pub rate: f64,
    /// The chance that each retry fails after all before it did. The same as `rate` where requests fail independently
    /// of each other.
    pub retries: Vec<f64>,
}

/// From the least to the most, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// A value that was worked out from counts, and where it lies with a certain confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value that explains the counts best.
    pub value: f64,
    /// The others that explain them.
    pub range: Range,
}

impl Chances {
    /// The chance that a request fails and every retry of it as well.
    pub fn request_fails(&self) -> f64 {
        self.rate * self.retries.iter().product::<f64>()
    }

    /// The chance that an operation of so many requests fails: that any of them does.
    pub fn operation_fails(&self, requests: f64) -> f64 {
        any_of(self.request_fails(), requests)
    }
}

/// The chance that any of so many independent things happens, each of which has this chance. Exact for tiny chances.
pub fn any_of(chance: f64, count: f64) -> f64 {
    -f64::exp_m1(count * f64::ln_1p(-chance))
}

/// The chance of one thing, given that of any of so many.
pub fn one_of(any: f64, count: f64) -> f64 {
    -f64::exp_m1(f64::ln_1p(-any) / count)
}

/// The chance that independent requests fail that explains this share of failed operations, each of `requests` requests
/// that are retried so often.
pub fn rate_behind(failed: f64, requests: f64, retries: u32) -> f64 {
    one_of(failed, requests).powf(1.0 / (f64::from(retries) + 1.0))
}

/// The same of counts, with the rates that explain them at this confidence (0.95).
pub fn rate_behind_counts(failed: u64, of: u64, requests: f64, retries: u32, confidence: f64) -> Estimate {
    let rate = |share: f64| rate_behind(share, requests, retries);
    let Range { low, high } = exact_interval(failed, of, confidence);
    let value = if of == 0 { 0.0 } else { failed as f64 / of as f64 };
    Estimate { value: rate(value), range: Range { low: rate(low), high: rate(high) } }
}

/// The chance that at most `hits` of `of` independent things happen, each of which has this chance.
fn at_most(hits: u64, of: u64, chance: f64) -> f64 {
    if hits >= of || chance <= 0.0 {
        return 1.0;
    }
    if chance >= 1.0 {
        return 0.0;
    }
    beta_reg((of - hits) as f64, hits as f64 + 1.0, 1.0 - chance)
}

/// The least number of hits that this share of all series, each of `of` things with this chance, does not exceed.
pub fn quantile(share: f64, of: u64, chance: f64) -> u64 {
    let (mut low, mut high) = (0, of);
    while low < high {
        let middle = low + (high - low) / 2;
        if at_most(middle, of, chance) >= share {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// How many of `of` happen, in this share of all series (0.99): what lies outside is as rare at either end.
pub fn expected_range(of: u64, chance: f64, confidence: f64) -> (u64, u64) {
    let tail = (1.0 - confidence) / 2.0;
    (quantile(tail, of, chance), quantile(1.0 - tail, of, chance))
}

/// Whether these counts are what such a chance gives, in that share of all series.
pub fn agrees(hits: u64, of: u64, chance: f64, confidence: f64) -> bool {
    let (low, high) = expected_range(of, chance, confidence);
    (low..=high).contains(&hits)
}

/// The chances that explain so many hits of so many at this confidence, by Clopper and Pearson. From 0 to 1 of nothing.
pub fn exact_interval(hits: u64, of: u64, confidence: f64) -> Range {
    let tail = (1.0 - confidence) / 2.0;
    let low = if hits == 0 { 0.0 } else { chance_at(|chance| 1.0 - at_most(hits - 1, of, chance), tail) };
    let high = if hits >= of { 1.0 } else { chance_at(|chance| 1.0 - at_most(hits, of, chance), 1.0 - tail) };
    Range { low, high }
}

/// Where a function that grows with the chance reaches `level`.
fn chance_at(grows: impl Fn(f64) -> f64, level: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // As many halvings as there are bits in the result, and some for tiny chances.
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if grows(middle) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn independent(rate: f64, retries: usize) -> Chances {
        Chances { rate, retries: vec![rate; retries] }
    }

    fn close(is: f64, wanted: f64) -> bool {
        (is - wanted).abs() <= wanted * 0.006
    }

    /// The chance that an operation fails, and the 95 % range of 1000.
    type Fails = (f64, u64, u64);

    /// Rate, retries, and what that makes of two and of five requests.
    const KNOWN: [(f64, usize, [Fails; 2]); 16] = [
        (0.001, 0, [(0.002, 0, 5), (0.00499, 1, 10)]),
        (0.001, 1, [(2e-6, 0, 0), (5e-6, 0, 0)]),
        (0.001, 2, [(2e-9, 0, 0), (5e-9, 0, 0)]),
        (0.001, 3, [(2e-12, 0, 0), (5e-12, 0, 0)]),
        (0.01, 0, [(0.0199, 12, 29), (0.049, 36, 63)]),
        (0.01, 1, [(0.0002, 0, 1), (0.0005, 0, 2)]),
        (0.01, 2, [(2e-6, 0, 0), (5e-6, 0, 0)]),
        (0.01, 3, [(2e-8, 0, 0), (5e-8, 0, 0)]),
        (0.02, 0, [(0.0396, 28, 52), (0.0961, 78, 115)]),
        (0.02, 1, [(0.0008, 0, 3), (0.002, 0, 5)]),
        (0.02, 2, [(1.6e-5, 0, 0), (4e-5, 0, 1)]),
        (0.02, 3, [(3.2e-7, 0, 0), (8e-7, 0, 0)]),
        (0.05, 0, [(0.0975, 80, 116), (0.226, 201, 252)]),
        (0.05, 1, [(0.00499, 1, 10), (0.0124, 6, 20)]),
        (0.05, 2, [(0.00025, 0, 2), (0.000625, 0, 3)]),
        (0.05, 3, [(1.25e-5, 0, 0), (3.12e-5, 0, 1)]),
    ];

    #[test]
    fn puts_of_two_and_of_five_requests_fail_as_often_as_known() {
        for (rate, retries, known) in KNOWN {
            for (requests, (chance, low, high)) in [2.0, 5.0].into_iter().zip(known) {
                let is = independent(rate, retries).operation_fails(requests);
                assert!(close(is, chance), "{rate} {retries} {requests}: {is}");
                let range = expected_range(1000, is, 0.95);
                assert_eq!(range, (low, high), "{rate} {retries} {requests}");
            }
        }
    }

    #[test]
    fn the_log_of_2012_is_explained_by_these_rates() {
        let percent = |value: f64, digits: usize| format!("{:.digits$}", value * 100.0);
        let all = |estimate: Estimate, digits: usize| {
            [estimate.value, estimate.range.low, estimate.range.high].map(|value| percent(value, digits))
        };
        let of_4644 = |requests| all(rate_behind_counts(132, 4644, requests, 0, 0.95), 2);
        assert_eq!(of_4644(1.0), ["2.84", "2.38", "3.36"]);
        assert_eq!(of_4644(2.0), ["1.43", "1.20", "1.70"]);
        assert_eq!(of_4644(3.0), ["0.96", "0.80", "1.13"]);
        assert_eq!(of_4644(5.0), ["0.58", "0.48", "0.68"]);
        let of_1000 = |requests| all(rate_behind_counts(133, 1000, requests, 0, 0.95), 1);
        assert_eq!(of_1000(2.0), ["6.9", "5.8", "8.1"]);
        assert_eq!(of_1000(3.0), ["4.6", "3.9", "5.5"]);
        assert_eq!(of_1000(5.0), ["2.8", "2.4", "3.3"]);
        let with_retry = rate_behind_counts(1, 1000, 2.0, 1, 0.95);
        assert_eq!(percent(with_retry.value, 1), "2.2");
        assert_eq!([percent(with_retry.range.low, 2), percent(with_retry.range.high, 1)], ["0.36", "5.3"]);
        let with_retry = rate_behind_counts(1, 1000, 5.0, 1, 0.95);
        assert_eq!(percent(with_retry.value, 1), "1.4");
        let Range { low, high } = with_retry.range;
        assert!((low - 0.00225).abs() < 1e-5 && percent(high, 1) == "3.3", "{low} {high}");
    }

    #[test]
    fn intervals_are_exact() {
        let Range { low, high } = exact_interval(1, 1000, 0.95);
        assert!(close(low, 2.53e-5) && close(high, 0.00556), "{low} {high}");
        assert_eq!(exact_interval(0, 0, 0.95), Range { low: 0.0, high: 1.0 });
        let none = exact_interval(0, 1000, 0.95);
        assert_eq!(none.low, 0.0);
        // What is left of 1 after a thousandth root of 2.5 %.
        assert!(close(none.high, 1.0 - 0.025_f64.powf(0.001)), "{}", none.high);
    }

    /// The chance that none of the files of a backup fails, by rate: of 94 files with 0, 1, 2 retries, and of 994 files
    /// with 0, 1, 2, 3.
    #[test]
    fn backups_have_no_failed_file_as_often_as_known() {
        let whole = |rate, files: f64, retries| {
            let file = independent(rate, retries).operation_fails(3.0);
            1.0 - any_of(file, files)
        };
        for (rate, files, retries, wanted) in [
            (0.001, 94.0, 0, 0.754),
            (0.001, 94.0, 1, 0.9997),
            (0.0058, 94.0, 0, 0.194),
            (0.0058, 94.0, 1, 0.991),
            (0.01, 94.0, 0, 0.059),
            (0.01, 94.0, 1, 0.972),
            (0.01, 94.0, 2, 0.9997),
            (0.02, 94.0, 1, 0.893),
            (0.05, 94.0, 1, 0.494),
            (0.05, 94.0, 2, 0.965),
            (0.001, 994.0, 0, 0.051),
            (0.001, 994.0, 1, 0.997),
            (0.0058, 994.0, 1, 0.905),
            (0.01, 994.0, 1, 0.742),
            (0.01, 994.0, 2, 0.997),
            (0.02, 994.0, 1, 0.303),
            (0.02, 994.0, 3, 0.9995),
            (0.05, 994.0, 2, 0.689),
            (0.05, 994.0, 3, 0.982),
        ] {
            let is = whole(rate, files, retries);
            assert!((is - wanted).abs() < 0.0006, "{rate} {files} {retries}: {is}");
        }
        let tiny = |rate, wanted: f64| (whole(rate, 994.0, 0).log10() - wanted.log10()).abs() < 0.25;
        assert!(tiny(0.0058, 3e-8) && tiny(0.01, 1e-13));
    }

    #[test]
    fn a_retry_is_worth_less_in_a_burst() {
        let burst = |again| Chances { rate: 0.0058, retries: vec![again] }.operation_fails(5.0) * 1000.0;
        assert!(close(burst(0.0058), 0.168), "{}", burst(0.0058));
        assert!(close(burst(0.1), 2.9), "{}", burst(0.1));
        let seen_at_most_once = |again| at_most(1, 1000, burst(again) / 1000.0);
        assert!((seen_at_most_once(0.1) - 0.215).abs() < 0.01);
        assert!((seen_at_most_once(0.25) - 0.006).abs() < 0.001);
    }

    #[test]
    fn one_run_without_an_error_says_little() {
        assert!((1.0 - any_of(0.0058, 282.0) - 0.194).abs() < 0.001);
        assert!((1.0 - any_of(0.01, 282.0) - 0.059).abs() < 0.001);
    }

    #[test]
    fn counts_agree_within_the_range_and_not_beyond() {
        let (low, high) = expected_range(1000, 0.049, 0.99);
        assert_eq!((low, high), (32, 67));
        assert!(agrees(low, 1000, 0.049, 0.99) && agrees(high, 1000, 0.049, 0.99));
        assert!(!agrees(low - 1, 1000, 0.049, 0.99) && !agrees(high + 1, 1000, 0.049, 0.99));
        assert!(agrees(0, 0, 0.5, 0.99) && agrees(0, 1000, 0.0, 0.99) && !agrees(1, 1000, 0.0, 0.99));
        assert!(agrees(1000, 1000, 1.0, 0.99) && !agrees(999, 1000, 1.0, 0.99));
    }

    #[test]
    fn the_inverse_gives_the_rate_back() {
        for (rate, retries, requests) in [(0.001, 0, 5.0), (0.02, 1, 2.0), (0.05, 3, 3.0)] {
            let failed = independent(rate, retries as usize).operation_fails(requests);
            assert!(close(rate_behind(failed, requests, retries), rate));
        }
    }
}
