//! What to do about a refusal of the token endpoint, by Entra's own number. 70011 and 65001 were seen in its
//! documentation, the other numbers are general knowledge (contract 7.1).

/// What to do; the words of the refusal hold the number.
pub(super) fn cure(words: &str) -> &'static str {
    let number = words.split("AADSTS").nth(1);
    let digits: String = number
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    match digits.as_str() {
        "7000215" => {
            "the secret is not this application's: make a new one (Entra, App registrations, Certificates & secrets), and \
             put its *value*, not its id, where tandem reads it"
        }
        "7000222" => {
            "the secret has ended: make a new one (Entra, App registrations, Certificates & secrets), put it where tandem \
             reads it, and its end as `expires` beside it"
        }
        "700027" => {
            "the certificate is not this application's, or its key another's: upload it (Entra, App registrations, \
             Certificates & secrets, Certificates), or name the right `certificate` and `key`; one that has ended is \
             replaced in both places"
        }
        "700024" => {
            "the clock of this machine is wrong: set it by NTP (`timedatectl set-ntp true`)"
        }
        "700016" => "no such application in this tenant: check client_id and tenant",
        "90002" => "no such tenant: check tenant, and authority if this is another cloud",
        "70011" => "the instance's url is not one that tokens are given for: check `url`",
        "65001" => "an administrator of the tenant has to consent to the application",
        "50034" | "50126" => "the name or password is wrong: sign in again",
        _ => {
            "read the reason; the application's registration in Entra and the credential of this instance differ"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_leads_to_its_cure() {
        assert!(cure("AADSTS7000222: expired").contains("has ended"));
        assert!(cure("no token: AADSTS700016: …").contains("client_id"));
        assert!(cure("nothing").contains("read the reason"));
    }
}
