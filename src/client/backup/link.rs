//! The beginning and the end of a backup: the target is made sure of, and the tree gets its names there.

use super::BackupOptions;
use super::error::BackupError;
use super::report::{BackupEvent, BackupReport, Progress, WatchBackup};
use super::store::retried;
use crate::client::Client;
use crate::client::directory::{ChangeDirectoryError, MakeDirectoriesError, ResolveError};
use crate::crypto::rsa::{RsaError, SigningKey};
use crate::format::cap::DirCap;
use crate::format::directory::{Change, ChangeError, Child, Replace, UnixTime};
use crate::net::Dial;
use crate::plan::Moment;

const ARCHIVES: &str = "Archives";
const LATEST: &str = "Latest";
/// Names, a second apart each, that are tried when others have the first ones.
const NAMES_MAX: u32 = 60;

/// The directory of the archives, which is there, can be listed, and can be written.
pub(super) async fn archives<D: Dial + Clone>(
    client: &Client<D>,
    target: &DirCap,
    mut new_key: impl FnMut() -> Result<SigningKey, RsaError>,
    options: &BackupOptions,
) -> Result<DirCap, BackupError> {
    if !target.file().can_write() {
        return Err(BackupError::ReadOnly);
    }
    let publish = options.publish();
    let make =
        async || client.make_directories(target, &[ARCHIVES], &mut new_key, options.now, &publish).await;
    let archives = retried(client, make, may_pass).await?;
    if !archives.file().can_write() {
        return Err(BackupError::ReadOnly);
    }
    retried(client, async || client.list_directory(&archives).await, |_| true)
        .await
        .map_err(BackupError::Archives)?;
    Ok(archives)
}

fn may_pass(error: &MakeDirectoriesError) -> bool {
    match error {
        MakeDirectoriesError::Resolve(ResolveError::List { .. }) | MakeDirectoriesError::Create { .. } => {
            true
        }
        MakeDirectoriesError::Link { error, .. } => error.may_pass(),
        MakeDirectoriesError::Resolve(ResolveError::NotADirectory(_) | ResolveError::NoSuchChild { .. })
        | MakeDirectoriesError::Key(_) => false,
    }
}

/// Gives the tree its names.
pub(super) async fn link<D: Dial + Clone>(
    client: &Client<D>,
    target: &DirCap,
    archives: &DirCap,
    mut report: BackupReport,
    watch: &dyn WatchBackup,
    options: &BackupOptions,
    begun: Moment,
) -> Result<BackupReport, BackupError> {
    let elapsed = || client.now().since(begun);
    let now = || UnixTime(options.now.0 + elapsed().as_secs_f64());
    report.elapsed = elapsed();
    let Some(root) = report.root.clone() else { return Err(BackupError::Top(report.into())) };
    let child = Child::of_cap(&root.into()).unwrap_or_default();
    let done = report.counts.done();
    let tell = |path: &str| watch.on_event(&BackupEvent::Linked { path }, Progress { done, found: done });

    let first = now();
    let mut tried = 0;
    let name = loop {
        let name = timestamp(first.0 + f64::from(tried));
        let (replace, metadata) = (Replace::Never, None);
        let link = Change::Link { name: name.clone(), child: child.clone(), metadata, replace, at: now() };
        match change(client, archives, link, options).await {
            Ok(()) => break name,
            // Somebody else's backup of the same second.
            Err(ChangeDirectoryError::Conflict(ChangeError::Exists(_))) if tried < NAMES_MAX => tried += 1,
            Err(error) => {
                let path = format!("{ARCHIVES}/{name}");
                report.elapsed = elapsed();
                return Err(BackupError::Link { path, report: report.into(), error });
            }
        }
    };
    tell(&format!("{ARCHIVES}/{name}"));
    report.archive = Some(name);
    if report.is_complete() || options.partial {
        let (name, replace) = (LATEST.to_owned(), Replace::Any);
        let link = Change::Link { name, child, metadata: None, replace, at: now() };
        if let Err(error) = change(client, target, link, options).await {
            report.elapsed = elapsed();
            return Err(BackupError::Link { path: LATEST.to_owned(), report: report.into(), error });
        }
        tell(LATEST);
        report.is_latest = true;
    }
    report.elapsed = elapsed();
    Ok(report)
}

/// Makes one change, the same one again if it fails.
async fn change<D: Dial + Clone>(
    client: &Client<D>,
    directory: &DirCap,
    change: Change,
    options: &BackupOptions,
) -> Result<(), ChangeDirectoryError> {
    let (changes, publish) = ([change], options.publish());
    let once = async || client.change_directory(directory, &changes, &publish).await;
    retried(client, once, ChangeDirectoryError::may_pass).await.map(drop)
}

/// The name of an archive: the time in UTC, `YYYY-MM-DD_HH:MM:SSZ`.
fn timestamp(seconds: f64) -> String {
    // Times that no calendar knows saturate; the limit keeps the arithmetic below from overflowing.
    let seconds = (seconds.floor() as i64).clamp(-1 << 50, 1 << 50);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}_{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day, so many days after 1970-01-01. Years begin in March here until the end, so that the day
/// that not every year has is the last.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(DAYS_IN_400_YEARS), days.rem_euclid(DAYS_IN_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_named_by_the_calendar() {
        for (seconds, name) in [
            (0.0, "1970-01-01_00:00:00Z"),
            (951_782_399.9, "2000-02-28_23:59:59Z"),
            (951_782_400.0, "2000-02-29_00:00:00Z"),
            (1_336_459_086.0, "2012-05-08_06:38:06Z"),
            (4_107_542_400.0, "2100-03-01_00:00:00Z"),
            (-1.0, "1969-12-31_23:59:59Z"),
        ] {
            assert_eq!(timestamp(seconds), name);
        }
        timestamp(f64::MAX);
        timestamp(f64::NAN);
    }
}
