//! What tandem is built from, and how: from one registry, as it was locked, with nothing that could be unsafe unseen.

use std::fs;
use std::path::Path;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn security_case_64_every_crate_is_of_the_one_registry_with_its_checksum() {
    let lock: toml::Table = file("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 100);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        if name == "tandem" {
            continue;
        }
        let source = package.get("source").and_then(toml::Value::as_str);
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(source, Some(registry), "{name}");
        assert!(package.get("checksum").is_some(), "{name}");
    }
    let deny: toml::Table = file("deny.toml").parse().unwrap();
    assert_eq!(deny["sources"]["unknown-registry"].as_str(), Some("deny"));
    assert_eq!(deny["sources"]["unknown-git"].as_str(), Some("deny"));
    assert_eq!(deny["advisories"]["yanked"].as_str(), Some("deny"));
    assert!(file(".ci/run").contains("cargo deny"));
}

#[test]
fn security_case_64_what_is_given_to_others_is_built_as_it_was_locked() {
    let mut built = 0;
    for name in ["scripts/package", "assets/Containerfile", ".ci/run"] {
        for line in file(name).lines().map(str::trim) {
            let runs = ["build", "clippy", "doc"].into_iter();
            let mut runs = runs.map(|verb| format!("cargo {verb} "));
            let is_comment = line.starts_with('#');
            if is_comment || line.contains("--version") || !runs.any(|run| line.contains(&run)) {
                continue;
            }
            // The script says its arguments in a list of their own.
            let arguments = file("scripts/package").contains("arguments=(--locked ");
            let is_locked =
                line.contains("--locked") || arguments && line.contains("\"${arguments[@]}\"");
            assert!(is_locked, "{name}: {line}");
            built += 1;
        }
    }
    assert!(built >= 3, "{built}");
}

#[test]
fn security_case_65_unsafe_code_is_forbidden_and_numbers_that_run_over_are_noticed() {
    let manifest: toml::Table = file("Cargo.toml").parse().unwrap();
    assert_eq!(
        manifest["lints"]["rust"]["unsafe_code"].as_str(),
        Some("forbid")
    );
    let profiles = manifest["profile"].as_table().unwrap();
    let release = &profiles["release"];
    assert_eq!(release["overflow-checks"].as_bool(), Some(true));
    // What is given to others is that, and nothing takes it back; a panic unwinds, so that the terminal is given back.
    assert_eq!(profiles["dist"]["inherits"].as_str(), Some("release"));
    assert_eq!(profiles["dist"].get("overflow-checks"), None);
    for (name, profile) in profiles {
        assert_eq!(profile.get("panic"), None, "{name}");
    }
}
