//! The emulator over real sockets, held against the contract.

use crate::support::emulated::Emulated;

#[tokio::test]
async fn smoke() {
    let emulated = Emulated::demo().await;
    let us = emulated.us();
    for path in [
        "WhoAmI",
        "accounts?$top=2",
        "contacts?$select=fullname&$top=2&$count=true",
        "systemusers?$select=fullname",
        "EntityDefinitions(LogicalName='account')?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$expand=Keys($select=SchemaName,KeyAttributes,EntityKeyIndexStatus)",
        "accounts(accountnumber='MSFT')?$select=name,revenue,_primarycontactid_value",
    ] {
        let answer = us
            .send(
                "GET",
                path,
                &[("prefer", "odata.include-annotations=\"*\"")],
                None,
            )
            .await;
        println!(
            "{path} {} {:?}\n{}\n",
            answer.status, answer.headers, answer.text
        );
    }
    let eu = emulated.europe();
    println!(
        "{}",
        eu.get(
            "accounts?$filter=startswith(name,'Awaiting')&$select=name,modifiedon,_modifiedby_value"
        )
        .await
        .text
    );
    println!("{}", eu.get("incidents?$count=true&$top=1").await.text);
}
