//! An application that is let in by its certificate: what its key signs is traded for tokens, over TLS, and what is said
//! when it is another certificate, another key, or a key that others can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
    SignatureAlgorithm,
};
use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Ran};

const CLIENT: &str = "tandem-console";

/// A certificate of its own signature and its key, as files; the certificate's text comes back.
fn made(folder: &Path, kind: &'static SignatureAlgorithm) -> String {
    let key = if std::ptr::eq(kind, &raw const PKCS_RSA_SHA256) {
        KeyPair::generate_rsa_for(kind, RsaKeySize::_2048).unwrap()
    } else {
        KeyPair::generate_for(kind).unwrap()
    };
    let certificate = CertificateParams::new(vec!["tandem".to_owned()]).unwrap();
    let pem = certificate.self_signed(&key).unwrap().pem();
    fs::write(folder.join("tandem.pem"), &pem).unwrap();
    let file = folder.join("tandem.key");
    fs::write(&file, key.serialize_pem()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    pem
}

fn configured() -> Emulator {
    let emulator = Emulator::start_with(&["--tls"]);
    let instance = |name: &str, url: &str| {
        format!(
            "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ kind = \"client-certificate\", authority = \"{url}\", \
             tenant = \"contoso\", client_id = \"{CLIENT}\", certificate = \"tandem.pem\", key = {{ file = \"tandem.key\" \
             }} }}\nmay_write = true\n\n"
        )
    };
    let ca = emulator.ca.as_ref().unwrap().display();
    let text = format!(
        "[network]\nca = \"{ca}\"\n\n{}{}[[links]]\nsource = \"us\"\ntarget = \"europe\"\nsettle = \
         \"0s\"\n[[links.tables]]\nname = \"account\"\nstub = [\"name\"]\ncolumns = [\"telephone1\"]\n",
        instance("us", &emulator.us),
        instance("europe", &emulator.europe)
    );
    fs::write(emulator.config(), text).unwrap();
    emulator
}

fn upload(emulator: &Emulator, pem: &str) {
    for url in [&emulator.us, &emulator.europe] {
        let body = json!({"client": CLIENT, "certificate": pem});
        let (status, answer) =
            emulator.call("POST", &format!("{url}/emulator/certificate"), Some(body));
        assert_eq!(status, 200, "{answer}");
    }
}

/// What doctor says of the token of the US instance.
fn token(emulator: &Emulator) -> (Json, Ran) {
    let ran = emulator.tandem(&["doctor", "--json"]);
    let told = ran.json();
    let mut all = told["findings"].as_array().unwrap().iter();
    let found = all.find(|one| one["subject"] == "us" && one["check"] == "token");
    (found.cloned().unwrap_or_default(), ran)
}

#[test]
fn what_the_key_of_a_certificate_signs_is_traded_for_tokens_that_read_and_write() {
    let emulator = configured();
    upload(&emulator, &made(emulator.folder.path(), &PKCS_RSA_SHA256));
    let (found, told) = token(&emulator);
    assert_eq!(found["verdict"], "good", "{told:?}");
    let user = tandem::emulator::user_id("us", CLIENT).to_string();
    assert!(told.stdout.contains(&user), "{told:?}");
    let listed = emulator.tandem(&["records", "--drift", "stub", "--json"]);
    assert!(listed.stdout.contains("stub"), "{listed:?}");
    let words = [
        "rehydrate",
        "--drift",
        "stub",
        "--yes",
        "999",
        "--reason",
        "check",
    ];
    emulator.tandem(&words).exits(0);
    // A certificate is renewed where it lies: the next process signs with the new one, and the old one is worth nothing.
    made(emulator.folder.path(), &PKCS_RSA_SHA256);
    let (found, _) = token(&emulator);
    let says = found["says"].as_str().unwrap();
    assert!(says.contains("AADSTS700027"), "{found}");
    assert!(
        found["cure"].as_str().unwrap().contains("upload it"),
        "{found}"
    );
}

#[test]
fn security_case_22_neither_the_key_nor_what_it_signed_stands_in_any_output_or_file() {
    let emulator = configured();
    upload(&emulator, &made(emulator.folder.path(), &PKCS_RSA_SHA256));
    let key = fs::read_to_string(emulator.folder.path().join("tandem.key")).unwrap();
    let line = key.lines().nth(1).unwrap();
    let status = emulator.tandem(&["status"]);
    assert!(status.stdout.contains("HEALTHY"), "{status:?}");
    for words in [&["status"][..], &["doctor", "--all"], &["config", "print"]] {
        let mut command = emulator.command(words);
        let told = Ran::from(command.env("RUST_LOG", "trace").output().unwrap());
        let told = format!("{told:?}");
        assert!(
            !told.contains(line) && !told.contains("eyJ"),
            "{words:?}: {told}"
        );
    }
    let mut files = vec![emulator.folder.path().join("state")];
    let mut looked_at = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(line), "{}", path.display());
        assert!(!text.contains("eyJhbGciOi"), "{}", path.display());
        looked_at += 1;
    }
    assert!(looked_at > 1, "a journal and a log were written");
}

#[test]
fn a_key_that_can_not_be_used_is_told_with_its_reason() {
    let emulator = configured();
    let folder = emulator.folder.path().to_owned();
    let key = folder.join("tandem.key");
    made(&folder, &PKCS_ECDSA_P256_SHA256);
    let (found, _) = token(&emulator);
    assert!(
        found["says"].as_str().unwrap().contains("RSA keys only"),
        "{found}"
    );
    fs::write(
        &key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let (found, _) = token(&emulator);
    assert!(
        found["says"].as_str().unwrap().contains("is encrypted"),
        "{found}"
    );
    fs::write(&key, "no key").unwrap();
    let (found, _) = token(&emulator);
    assert!(
        found["says"].as_str().unwrap().contains("no private key"),
        "{found}"
    );
    fs::remove_file(folder.join("tandem.pem")).unwrap();
    let (found, _) = token(&emulator);
    assert!(
        found["says"].as_str().unwrap().contains("tandem.pem"),
        "{found}"
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let told = emulator.tandem(&["status"]).exits(2);
    assert!(
        told.stderr.contains("chmod 600"),
        "security case 25: {told:?}"
    );
}

#[test]
fn init_writes_a_configuration_with_a_certificate_that_works_as_it_is() {
    let emulator = Emulator::start_with(&["--tls"]);
    fs::remove_file(emulator.config()).unwrap();
    upload(&emulator, &made(emulator.folder.path(), &PKCS_RSA_SHA256));
    let (us, europe) = (
        format!("us={}", emulator.us),
        format!("europe={}", emulator.europe),
    );
    let mut command = emulator.command(&["init", "--source", &us, "--target", &europe]);
    let command = command
        .current_dir(emulator.folder.path())
        .args(["--authority", &us, "--authority", &europe, "--ca"])
        .arg(emulator.ca.as_ref().unwrap())
        .args(["--tenant", "contoso", "--client-id", CLIENT])
        .args([
            "--certificate",
            "tandem.pem",
            "--secret-from",
            "file:tandem.key",
        ]);
    Ran::from(command.output().unwrap()).exits(0);
    let text = fs::read_to_string(emulator.config()).unwrap();
    assert!(text.contains("kind = \"client-certificate\""), "{text}");
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    let (found, told) = token(&emulator);
    assert_eq!(found["verdict"], "good", "{told:?}");
}
