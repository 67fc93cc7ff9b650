//! The file as a whole: the sample, what is left out, what is printed, whose hands it is in.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hook::{TICKETS, with_hook};
use super::{INSTANCES, read, with};
use crate::config::{Policy, SAMPLE, Safety, load, parse, resolved};
use crate::domain::credential::{Credential, SecretSource};
use crate::domain::table::ColumnName;

#[test]
fn the_sample_holds_the_defaults() {
    let config = parse(SAMPLE, Path::new("/etc/tandem/config.toml"), PathBuf::new()).unwrap();
    assert_eq!(config.policy, Policy::default());
    assert_eq!(config.safety, Safety::default());
    let names: Vec<&str> = config.instances.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["us", "europe"], "in the file's order");
    assert_eq!(config.instances[0].band, "US PROD");
    let hook = config.hook.as_ref().unwrap();
    let bare = read(&with_hook("", TICKETS)).unwrap().hook.unwrap();
    assert_eq!(hook.listen, bare.listen);
    assert_eq!(hook.authentication, bare.authentication);
    let link = &config.links[0];
    assert_eq!(
        (link.name.as_str(), link.source, link.target),
        ("us-europe", 0, 1)
    );
    assert_eq!(link.schedule.cadence, Duration::from_secs(86_400));
    assert_eq!(link.tables[0].columns.len(), 8);
    let Credential::ClientSecret {
        authority, secret, ..
    } = &config.instances[1].credential
    else {
        panic!("{:?}", config.instances[1].credential);
    };
    assert_eq!(authority.as_str(), "https://login.microsoftonline.com/");
    assert!(
        matches!(secret, SecretSource::File(path) if path == Path::new("/etc/tandem/europe.secret"))
    );
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = read(&with("[[links]]\nsource='us'\ntarget='europe'\n[[links.tables]]\nname='account'\nkeys=['accountnumber']\nstub=['name']")).unwrap();
    let sample = parse(SAMPLE, Path::new("sample"), PathBuf::new()).unwrap();
    assert_eq!(config.links[0].schedule, sample.links[0].schedule);
    assert_eq!(config.links[0].placeholder, sample.links[0].placeholder);
    assert_eq!(config.links[0].name, "us-europe");
    assert_eq!(config.instances[0].band, "US");
    assert_eq!(*config.state, *Path::new("/state"));
    let columns: Vec<&str> = config.links[0].tables[0]
        .columns
        .iter()
        .map(ColumnName::as_str)
        .collect();
    assert_eq!(columns, ["accountnumber", "name"]);
}

#[test]
fn what_is_printed_is_a_configuration_and_means_the_same() {
    let network = "[network]\nca = ['corporate.pem']\nproxy = 'http://proxy.contoso.com:3128'\nproxy_user = 'tandem'\n\
                   proxy_password = { file = 'proxy.secret' }\n";
    let file = Path::new("/etc/tandem/config.toml");
    let asia = "[instances.asia]\nurl = 'https://contoso-asia.crm5.dynamics.com'\n\
                credential = { kind = 'client-certificate', tenant = 't', client_id = 'c', certificate = 'own.pem', key = { file = \
                'own.key' } }\n\
                impersonate = { user = '7f6cbb56-0000-4000-8000-000000000001' }\n\
                policy = { read_timeout = '90s', write_breaker = { failure_run = 9 } }\n";
    let text = format!("{SAMPLE}\n{network}{asia}");
    let config = parse(&text, file, PathBuf::from("/state")).unwrap();
    let table = resolved(&text, file, &config).unwrap();
    let printed = toml::to_string(&table).unwrap();
    // Lines and the order in which sections stand are of the text alone, and it may be read from anywhere.
    let again = parse(
        &printed,
        Path::new("/tmp/other.toml"),
        PathBuf::from("/state"),
    );
    let mut again = again.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    for (own, other) in again.links.iter_mut().zip(&config.links) {
        for (own, other) in own.tables.iter_mut().zip(&other.tables) {
            own.lines = other.lines.clone();
        }
    }
    again.keys.file = config.keys.file.clone();
    assert_eq!(format!("{again:#?}"), format!("{config:#?}"));
    assert!(printed.contains("/etc/tandem/europe.secret"), "{printed}");
    for file in ["corporate.pem", "own.pem", "own.key"] {
        assert!(
            printed.contains(&format!("/etc/tandem/{file}")),
            "{file}: {printed}"
        );
    }
    assert!(printed.contains("[policy.auth_breaker]"), "{printed}");
}

#[test]
fn security_case_25_a_file_that_others_could_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, INSTANCES).unwrap();
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let outcome = |file: &Path| load(file, PathBuf::new()).map_err(|error| error.to_string());
    for (mode, good) in [(0o600, true), (0o644, true), (0o620, false), (0o602, false)] {
        chmod(&file, mode);
        assert_eq!(outcome(&file).is_ok(), good, "{mode:o}");
    }
    chmod(&file, 0o600);
    let link = folder.path().join("link.toml");
    symlink(&file, &link).unwrap();
    assert!(outcome(&link).is_ok());
    chmod(folder.path(), 0o770);
    assert!(
        outcome(&file)
            .unwrap_err()
            .contains("others could replace it")
    );
    chmod(folder.path(), 0o700);
    assert!(
        outcome(folder.path())
            .unwrap_err()
            .contains("not a plain file")
    );
    assert!(
        outcome(&folder.path().join("absent"))
            .unwrap_err()
            .contains("can't be read")
    );
}
