//! What `tandem --version` says beside the number: of which commit it was built, how, and for what. No date and no path,
//! so that the same sources give the same binary.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=TANDEM_COMMIT");
    let profile = env::var("PROFILE").unwrap_or_default();
    println!("cargo::rustc-env=TANDEM_COMMIT={}", commit(&profile));
    println!("cargo::rustc-env=TANDEM_PROFILE={profile}");
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=TANDEM_TARGET={target}");
}

/// The commit, as whoever packages the sources says, or as the repository does that they stand in.
fn commit(profile: &str) -> String {
    if let Ok(named) = env::var("TANDEM_COMMIT") {
        return named;
    }
    // While it is worked on, every commit would have everything built anew.
    if profile != "release" {
        println!("cargo::rerun-if-changed=build.rs");
        return "unknown".to_owned();
    }
    for place in ["HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", place]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        None => commit,
        Some(changed) if changed.is_empty() => commit,
        Some(_) => format!("{commit}, changed"),
    }
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}
