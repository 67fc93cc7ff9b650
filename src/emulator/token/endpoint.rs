//! The token endpoint and what belongs to it: which grants there are, in the order in which Entra refuses them.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::assertion;
use super::device::{INTERVAL, LIFETIME as DEVICE_LIFETIME, Person};
use super::refusal::Refused;
use super::{Bearer, LIFETIME, Tokens, bearer_of};
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::seed::users;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The client id of the machine's own identity.
const MACHINE: &str = "machine";
/// What a client asks for beside the scope of the instance.
const STAY: &str = "offline_access";
const ABOUT_THE_USER: [&str; 3] = ["openid", "profile", "email"];

/// An address of the token endpoint's family, with the tenant that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'p> {
    /// `/{tenant}/oauth2/v2.0/token`
    Token(&'p str),
    /// `/{tenant}/oauth2/v2.0/devicecode`
    DeviceCode(&'p str),
    /// `/{tenant}/v2.0/.well-known/openid-configuration`
    Configuration(&'p str),
    /// `/msi/token`: where a machine asks for a token of its own identity, as on Azure's App Service.
    Machine,
}

impl Route<'_> {
    pub(crate) fn of(path: &str) -> Option<Route<'_>> {
        if path == "/msi/token" {
            return Some(Route::Machine);
        }
        let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
        if tenant.is_empty() {
            return None;
        }
        match rest {
            "oauth2/v2.0/token" => Some(Route::Token(tenant)),
            "oauth2/v2.0/devicecode" => Some(Route::DeviceCode(tenant)),
            "v2.0/.well-known/openid-configuration" => Some(Route::Configuration(tenant)),
            _ => None,
        }
    }
}

/// Answers a request to one of them.
pub(crate) fn answer(
    instance: &Instance,
    route: Route,
    parts: &Parts,
    form: &[u8],
) -> Outcome<Reply> {
    let method = &parts.method;
    let now = instance.clock.now();
    let form = Form::read(form);
    let expected = match route {
        Route::Configuration(_) | Route::Machine => Method::GET,
        Route::Token(_) | Route::DeviceCode(_) => Method::POST,
    };
    if *method != expected {
        return Err(Refusal::method_not_allowed(method));
    }
    let assertion = form.field("client_assertion");
    if !assertion.is_empty()
        && !assertion::is_one(assertion)
        && !instance
            .tenant
            .federates(form.field("client_id"), assertion)
    {
        return Err(Refusal::unsupported(
            "Signing in with a federated token other than the client's secret (client_assertion)",
        ));
    }
    let answered = match route {
        Route::Token(tenant) => granted(instance, tenant, &form, now),
        Route::DeviceCode(tenant) => device_code(instance, tenant, &form, now),
        Route::Configuration(tenant) => configuration(instance, tenant),
        Route::Machine => return machine(instance, parts, now),
    };
    let mut reply = answered.unwrap_or_else(|refused| refused.reply(now));
    reply.headers_mut().insert(
        http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache"),
    );
    Ok(reply)
}

/// The fields of a form that was posted.
struct Form(HashMap<String, String>);

impl Form {
    fn read(form: &[u8]) -> Form {
        Form(url::form_urlencoded::parse(form).into_owned().collect())
    }

    fn field(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn needed(&self, name: &str) -> Result<&str, Refused> {
        let field = self.field(name);
        if !field.is_empty() {
            return Ok(field);
        }
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Err(Refused::bad("invalid_request", 900_144, text))
    }
}

fn granted(
    instance: &Instance,
    tenant: &str,
    form: &Form,
    now: DateTime<Utc>,
) -> Result<Reply, Refused> {
    let grant = form.field("grant_type");
    if !["client_credentials", DEVICE_CODE, "refresh_token"].contains(&grant) {
        return Err(Refused::bad(
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        ));
    }
    let client_id = form.needed("client_id")?;
    instance.tenant.knows(tenant, client_id)?;
    if grant == "client_credentials" {
        if instance.tokens.secret_has_expired() {
            return Err(Refused::secret_expired());
        }
        match form.field("client_assertion") {
            "" => {
                let secret = form.field("client_secret");
                instance.tenant.authenticates(client_id, secret)?;
            }
            assertion if assertion::is_one(assertion) => {
                let is_endpoint = |audience: &str| is_endpoint(instance, tenant, audience);
                let tenant = &instance.tenant;
                tenant.signed(client_id, assertion, is_endpoint, now)?;
            }
            // A pod's token stands in for the secret, in a field of its own.
            token => instance.tenant.authenticates(client_id, token)?,
        }
        let audience = audience(instance, form.field("scope"))?;
        instance.tenant.consented(client_id)?;
        let token = issued(instance, audience.tokens, client_id, now);
        return Ok(reply::json(StatusCode::OK, &Json::Object(token)));
    }
    let person = if grant == DEVICE_CODE {
        let device_code = form.needed("device_code")?;
        instance.devices.redeem(device_code, client_id, now)?
    } else {
        let refresh_token = form.needed("refresh_token")?;
        instance.devices.recall(refresh_token, client_id)?
    };
    instance.tenant.consented(client_id)?;
    signed_in(instance, person, now)
}

/// Whether that is the address of this tenant's token endpoint, by number or as localhost.
fn is_endpoint(instance: &Instance, tenant: &str, address: &str) -> bool {
    let own = format!("{}/{tenant}/oauth2/v2.0/token", instance.url);
    let named = |number| own.replacen(number, "localhost", 1);
    address == own || address == named("127.0.0.1") || address == named("[::1]")
}

/// A token for whatever runs on this machine, which is told by a header that nobody else knows: here, the emulator's own
/// token. Without a `client_id` it is the machine's own identity.
fn machine(instance: &Instance, parts: &Parts, now: DateTime<Utc>) -> Outcome<Reply> {
    let header = parts.headers.get("x-identity-header");
    let header = header.and_then(|value| value.to_str().ok());
    if !header.is_some_and(|value| instance.tokens.is_secret(value)) {
        let text = "The header X-IDENTITY-HEADER is missing or wrong.";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "", text));
    }
    let query = Form::read(parts.uri.query().unwrap_or_default().as_bytes());
    let resource = query.field("resource");
    let who = match query.field("client_id") {
        "" => MACHINE,
        client_id => client_id,
    };
    let Ok(audience) = audience(instance, &format!("{resource}/.default")) else {
        return Err(Refusal::argument(format!(
            "'{resource}' is no resource of this tenant."
        )));
    };
    let token = issued(instance, audience.tokens, who, now);
    let ends = now + TimeDelta::seconds(LIFETIME);
    let body = json!({
        "access_token": token.get("access_token"),
        "expires_on": ends.timestamp().to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": who,
    });
    Ok(reply::json(StatusCode::OK, &body))
}

/// The tokens of a person who signed in.
fn signed_in(instance: &Instance, person: Person, now: DateTime<Utc>) -> Result<Reply, Refused> {
    let audience = audience(instance, &person.scope)?;
    let mut token = issued(instance, audience.tokens, &person.name, now);
    token.insert("scope".to_owned(), person.scope.as_str().into());
    if audience.stays {
        let refresh = instance.devices.remember(person);
        token.insert("refresh_token".to_owned(), refresh.into());
    }
    Ok(reply::json(StatusCode::OK, &Json::Object(token)))
}

/// A token of a client, or of a person by full name.
fn issued(
    instance: &Instance,
    tokens: &Tokens,
    who: &str,
    now: DateTime<Utc>,
) -> Map<String, Json> {
    let bearer = bearer_of(instance, who);
    if let Bearer::User(user) = bearer {
        users::ensure_application(instance, user, who);
    }
    let token = tokens.issue(bearer, now);
    let fields = [
        ("token_type", json!("Bearer")),
        ("expires_in", json!(LIFETIME)),
        ("ext_expires_in", json!(LIFETIME)),
        ("access_token", json!(token)),
    ];
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// For whom a token is, and whether its holder wants to stay signed in.
struct Audience<'i> {
    tokens: &'i Tokens,
    stays: bool,
}

/// Reads a scope: one audience, as `{url}/.default` or `{url}/user_impersonation`, and words about the user.
fn audience<'i>(instance: &'i Instance, scope: &str) -> Result<Audience<'i>, Refused> {
    let words = scope.split_whitespace();
    let mut resources = words.filter(|word| *word != STAY && !ABOUT_THE_USER.contains(word));
    let resource = resources.next().unwrap_or_default();
    let default = match resource.strip_suffix("/user_impersonation") {
        Some(audience) => format!("{audience}/.default"),
        None => resource.to_owned(),
    };
    match super::tokens_for(instance, &default) {
        Some(tokens) if resources.next().is_none() => Ok(Audience {
            tokens,
            stays: scope.split_whitespace().any(|word| word == STAY),
        }),
        _ => Err(Refused::bad(
            "invalid_scope",
            70_011,
            format!("The provided request must include a valid 'scope'. It is '{scope}'."),
        )),
    }
}

fn device_code(
    instance: &Instance,
    tenant: &str,
    form: &Form,
    now: DateTime<Utc>,
) -> Result<Reply, Refused> {
    let client_id = form.needed("client_id")?;
    instance.tenant.knows(tenant, client_id)?;
    let scope = form.field("scope");
    audience(instance, scope)?;
    let (device_code, user_code) = instance.devices.begin(client_id, scope, now)?;
    let page = format!("{}/devicelogin", instance.url);
    let message = format!(
        "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
    );
    let body = json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": page,
        "expires_in": DEVICE_LIFETIME,
        "interval": INTERVAL,
        "message": message,
    });
    Ok(reply::json(StatusCode::OK, &body))
}

fn configuration(instance: &Instance, tenant: &str) -> Result<Reply, Refused> {
    instance.tenant.knows_tenant(tenant)?;
    let at = format!("{}/{tenant}", instance.url);
    let body = json!({
        "issuer": format!("{at}/v2.0"),
        "authorization_endpoint": format!("{at}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{at}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{at}/oauth2/v2.0/devicecode"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "grant_types_supported": ["client_credentials", DEVICE_CODE, "refresh_token"],
        "response_types_supported": ["token"],
        "scopes_supported": [STAY, "openid", "profile", "email"],
    });
    Ok(reply::json(StatusCode::OK, &body))
}
