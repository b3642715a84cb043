//! The variants of a file: what they are called, and which of them somebody means.

use super::Scenario;

/// What one run or scenario is called in front of people: the file, and the variant if there are several.
pub(crate) fn name(path: &str, variant: Option<&str>) -> String {
    match variant {
        Some(variant) => format!("{path} [{variant}]"),
        None => path.to_owned(),
    }
}

/// Those of `variants` that `which` means: the one of that number (from 1), or else the one of that name, or else all
/// that have all its words in one row, or else all whose names contain it.
pub fn choose<'a>(variants: &'a [Scenario], which: &str) -> Vec<&'a Scenario> {
    let names: Vec<&str> = variants.iter().filter_map(Scenario::variant).collect();
    let meant = meant(&names, which.trim());
    variants.iter().zip(meant).filter(|(_, meant)| *meant).map(|(scenario, _)| scenario).collect()
}

fn meant(names: &[&str], which: &str) -> Vec<bool> {
    if let Ok(number) = which.parse::<usize>() {
        return (1..=names.len()).map(|n| n == number).collect();
    }
    let words = format!(" {which} ");
    let ways: [&dyn Fn(&str) -> bool; 3] =
        [&|name| name == which, &|name| format!(" {name} ").contains(&words), &|name| name.contains(which)];
    let found = ways.into_iter().map(|way| names.iter().map(|name| way(name)).collect::<Vec<bool>>());
    found.into_iter().find(|found| found.contains(&true)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_meant_by_number_by_name_by_words_or_by_a_piece() {
        let names = [
            "servers=1 size=1 KiB",
            "servers=1 size=1 MiB",
            "servers=10 size=1 KiB",
            "servers=10 size=1 MiB",
        ];
        let chosen = |which| -> Vec<usize> {
            let meant = meant(&names, which);
            meant.iter().enumerate().filter(|(_, meant)| **meant).map(|(n, _)| n).collect()
        };
        assert_eq!(chosen("2"), [1]);
        assert_eq!(chosen("servers=10 size=1 KiB"), [2]);
        assert_eq!(chosen("servers=1"), [0, 1]);
        assert_eq!(chosen("size=1 MiB"), [1, 3]);
        assert_eq!(chosen("MiB"), [1, 3]);
        assert_eq!(chosen("KiB"), [0, 2]);
        assert_eq!(chosen("10"), [] as [usize; 0]);
        assert_eq!(chosen("GiB"), [] as [usize; 0]);
    }
}
