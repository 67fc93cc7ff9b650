//! Many-to-many relationships: who is in a team, who has which role; read, expanded, given and taken.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

/// A team of this id, and the id of the caller.
async fn team(us: &Api<'_>, number: u32) -> String {
    let who = us.get("WhoAmI").await.json();
    let unit = who["BusinessUnitId"].as_str().unwrap();
    let body = json!({"teamid": id(number), "name": format!("Team {number}"),
        "businessunitid@odata.bind": format!("/businessunits({unit})")});
    let answer = us.post("teams", body).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    who["UserId"].as_str().unwrap().to_owned()
}

async fn refer(us: &Api<'_>, collection: &str, member: &str) -> u16 {
    let body = json!({"@odata.id": us.url(member)});
    let answer = us.post(&format!("{collection}/$ref"), body).await;
    answer.status.as_u16()
}

#[tokio::test]
async fn members_come_and_go() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let user = team(&us, 1).await;
    team(&us, 2).await;
    let members = format!("teams({})/teammembership_association", id(1));
    let member = format!("systemusers({user})");
    assert_eq!(us.column(&members, "systemuserid").await, [] as [Json; 0]);
    let mine =
        "teams?$select=name&$filter=Microsoft.Dynamics.CRM.EqualUserTeams(PropertyName='teamid')";
    assert_eq!(us.column(mine, "name").await, [] as [Json; 0]);

    assert_eq!(refer(&us, &members, &member).await, 204);
    assert_eq!(us.column(&members, "systemuserid").await, [json!(user)]);
    assert_eq!(us.column(mine, "name").await, ["Team 1"]);
    assert_eq!(refer(&us, &members, &member).await, 412, "he is in it");
    let count = us.get(&format!("{members}/$count")).await;
    assert_eq!(count.text, "\u{feff}1");
    let references = us.get(&format!("{members}/$ref")).await.json();
    assert_eq!(references["value"], json!([{"@odata.id": us.url(&member)}]));
    let one = us
        .get(&format!("{members}({user})?$select=fullname"))
        .await
        .json();
    assert_eq!(one["systemuserid"], json!(user));

    // The same from the other side, where a second team is added.
    let teams = format!("{member}/teammembership_association");
    assert_eq!(refer(&us, &teams, &format!("teams({})", id(2))).await, 204);
    let sorted = format!("{teams}?$select=name&$orderby=name desc");
    assert_eq!(us.column(&sorted, "name").await, ["Team 2", "Team 1"]);
    let path = format!(
        "{member}?$select=fullname&$expand=teammembership_association($select=name;$filter=name eq 'Team 2')"
    );
    let expanded = us.get(&path).await.json();
    let found = expanded["teammembership_association"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["name"], "Team 2");

    let url = format!("{members}({user})/$ref");
    assert_eq!(us.delete(&url).await.status, 204);
    assert_eq!(us.delete(&url).await.status, 404, "he is not in it");
    let by_id = format!("{teams}/$ref?$id={}", us.url(&format!("teams({})", id(2))));
    assert_eq!(us.delete(&by_id).await.status, 204);
    assert_eq!(us.column(&teams, "name").await, [] as [Json; 0]);

    // A team that is gone leaves no members to one that comes with its id.
    assert_eq!(refer(&us, &members, &member).await, 204);
    let gone = us.delete(&format!("teams({})", id(1))).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    team(&us, 1).await;
    assert_eq!(us.column(&members, "systemuserid").await, [] as [Json; 0]);
}

#[tokio::test]
async fn a_role_that_is_given_counts() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let client = us.signed_in("5a1e0000-0000-4000-8000-000000000001").await;
    let who = client.get("WhoAmI").await.json();
    let user = who["UserId"].as_str().unwrap();
    let roles = format!("systemusers({user})/systemuserroles_association");
    let held = us.column(&roles, "roleid").await;
    assert_eq!(held.len(), 1);
    let role = format!("roles({})", held[0].as_str().unwrap());
    assert_eq!(
        us.delete(&format!("{roles}/$ref?$id={role}")).await.status,
        204
    );
    let shut_out = client.get("accounts").await;
    assert_eq!(shut_out.status, 403, "{}", shut_out.text);
    assert_eq!(refer(&us, &roles, &role).await, 204);
    assert_eq!(client.get("accounts").await.status, 200);
}

#[tokio::test]
async fn what_is_no_pair_is_refused() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(9), json!({"name": "Acme"})).await;
    let user = team(&us, 1).await;
    let members = format!("teams({})/teammembership_association", id(1));
    let missing = format!("systemusers({})", id(8));
    let gone = format!("teams({})/teammembership_association", id(7));
    let member = format!("systemusers({user})");
    let cases = [
        (&members, missing, 404),
        (&members, format!("accounts({})", id(9)), 400),
        (&gone, member.clone(), 404),
    ];
    for (collection, member, status) in cases {
        assert_eq!(
            refer(&us, collection, &member).await,
            status,
            "{collection} {member}"
        );
    }
    assert_eq!(
        us.post(&members, json!({"fullname": "x"})).await.status,
        501
    );
    assert_eq!(
        us.send("PUT", &format!("{members}/$ref"), &[], Some(json!({})))
            .await
            .status,
        405
    );
    let tracked = [("prefer", "odata.track-changes")];
    assert_eq!(us.send("GET", &members, &tracked, None).await.status, 501);
}
