//! How instances are entered and reached: credentials, secrets, the network.

use std::path::Path;

use super::{INSTANCES, read, with};
use crate::domain::credential::{Credential, SecretSource};

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for written in [
        "'hunter2-secret'",
        "{ value = 'hunter2-secret' }",
        "[ 'hunter2-secret' ]",
    ] {
        let text = INSTANCES.replacen("{ env = \"TANDEM_TOKEN\" }", written, 1);
        let shown = read(&text).unwrap_err().to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_proxy_and_authorities_come_from_the_file_alone() {
    let network = |text: &str| read(&with(&format!("[network]\n{text}\n")));
    let config =
        network("ca = 'a.pem'\nproxy = 'http://proxy:3128'\nno_proxy = ['intranet']").unwrap();
    assert_eq!(config.network.authorities, [Path::new("/etc/a.pem")]);
    let proxy = config.network.proxy.unwrap();
    assert!(proxy.user.is_none() && proxy.spares("hook.intranet"));
    for (text, line, told) in [
        (
            "proxy = 'http://user:s3cret@proxy:3128'",
            9,
            "never in its address",
        ),
        (
            "proxy = 'socks5://proxy:1080'",
            9,
            "an http or https address",
        ),
        ("proxy = 'proxy'", 9, "it is an address"),
        ("no_proxy = []", 9, "there is none"),
        (
            "proxy = 'http://proxy:3128'\nproxy_user = 'x'",
            10,
            "needs a proxy_password",
        ),
        ("prox = 'http://proxy:3128'", 9, "is `proxy` meant?"),
    ] {
        let error = network(text).unwrap_err();
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.what.contains(told), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn every_kind_of_credential_has_its_parts() {
    let of = |written: &str| {
        let text = INSTANCES.replacen(
            "kind = \"token\", token = { env = \"TANDEM_TOKEN\" }",
            written,
            1,
        );
        read(&text).map(|config| config.instances[0].credential.clone())
    };
    for (written, is_it) in [
        (
            "kind = 'device-code', tenant = 't', client_id = 'c'",
            (|one| matches!(one, Credential::DeviceCode { .. })) as fn(&Credential) -> bool,
        ),
        ("kind = 'managed-identity'", |one| {
            matches!(one, Credential::ManagedIdentity { client_id: None })
        }),
        ("kind = 'managed-identity', client_id = 'c'", |one| {
            matches!(one, Credential::ManagedIdentity { client_id: Some(_) })
        }),
        ("kind = 'azure-cli'", |one| {
            matches!(one, Credential::AzureCli { tenant: None })
        }),
        ("kind = 'workload-identity', token_file = 'pod'", |one| {
            let Credential::WorkloadIdentity { token_file, .. } = one else {
                return false;
            };
            token_file.as_deref() == Some(Path::new("/etc/pod"))
        }),
    ] {
        let credential = of(written).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert!(is_it(&credential), "{written}: {credential:?}");
    }
    for (written, told) in [
        (
            "kind = 'device-code', tenant = 't'",
            "has a tenant and a client_id",
        ),
        (
            "kind = 'managed-identity', secret = { env = 'S' }",
            "`secret` is no part of a credential of kind `managed-identity`",
        ),
        (
            "kind = 'workload-identity', authority = 'http://login.example'",
            "authority: ",
        ),
        ("kind = 'azure-cli', tenant = 'a b'", "tenant has 1 to 128"),
    ] {
        let error = of(written).unwrap_err();
        assert_eq!(error.line, Some(4), "{error}");
        assert!(error.what.contains(told), "{error}");
    }
}

#[test]
fn a_certificate_has_its_file_and_where_its_key_is() {
    let of = |written: &str| {
        let token = "kind = \"token\", token = { env = \"TANDEM_TOKEN\" }";
        let config = read(&INSTANCES.replacen(token, written, 1));
        config.map(|config| config.instances[0].credential.clone())
    };
    let whole = "kind='client-certificate',tenant='t',client_id='c',certificate='own.pem',key={file='own.key'}";
    let Credential::ClientCertificate {
        certificate, key, ..
    } = of(whole).unwrap()
    else {
        panic!("{whole}");
    };
    assert_eq!(certificate, Path::new("/etc/own.pem"));
    assert!(matches!(key, SecretSource::File(file) if file == Path::new("/etc/own.key")));
    let missing = of("kind='client-certificate',tenant='t',client_id='c',key={env='K'}");
    let error = missing.unwrap_err();
    assert!(
        error.what.contains("a certificate (its file, in PEM)"),
        "{error}"
    );
    let stray =
        of("kind='client-secret',tenant='t',client_id='c',secret={env='S'},certificate='own.pem'");
    let error = stray.unwrap_err();
    assert!(error.what.contains("`certificate` is no part"), "{error}");
}

#[test]
fn secrets_come_from_lines_of_standard_input_too() {
    let of = |line: &str| {
        let stdin = format!("{{ stdin = {line} }}");
        read(&INSTANCES.replace("{ env = \"TANDEM_TOKEN\" }", &stdin))
    };
    let config = of("2").unwrap();
    let secrets = config.secrets();
    assert!(
        matches!(
            secrets[..],
            [SecretSource::Stdin(2), SecretSource::Stdin(2)]
        ),
        "{secrets:?}"
    );
    for (line, told) in [
        ("0", "no line of standard input"),
        ("99", "(1 to 16)"),
        ("'us'", "invalid type"),
    ] {
        let error = of(line).unwrap_err();
        assert_eq!(error.line, Some(4), "{error}");
        assert!(error.what.contains(told), "{error}");
    }
}

#[test]
fn where_secrets_are_kept_is_known_of_all_of_them() {
    let network =
        "[network]\nproxy='http://proxy:3128'\nproxy_user='x'\nproxy_password={env='PROXY'}\n";
    let alert =
        "[[alerts]]\nwhen='late'\nto={webhook={env='HOOK'},shape='pagerduty',key={env='KEY'}}\n";
    let sync = "[[links]]\nsource='us'\ntarget='europe'\nsync={backend='function',app='https://a.azurewebsites.net',\
                function='f',credential={kind='key',key={env='APP'}}}\n[[links.tables]]\nname='account'\nstub=['name']\n";
    let hook = "[hook]\nkey={env='CODE'}\ncredential={kind='client-secret',tenant='t',client_id='c',secret={env='OWN'}}\n\
                tables=[{name='incident',references=[{column='customerid'}]}]\n";
    let config = read(&with(&format!("{sync}{hook}{alert}{network}"))).unwrap();
    let secrets = config.secrets().into_iter();
    let mut names: Vec<&str> = secrets
        .map(|source| match source {
            SecretSource::Env(name) => name.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    names.sort_unstable();
    let all = [
        "APP",
        "CODE",
        "HOOK",
        "KEY",
        "OWN",
        "PROXY",
        "TANDEM_TOKEN",
        "TANDEM_TOKEN",
    ];
    assert_eq!(names, all);
}
